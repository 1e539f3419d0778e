package sinch

import (
	"encoding/json"
	"errors"
	"time"
)

// object is a JSON object that is read leniently, field by field: a field that
// is absent, null or of another type than expected reads as its zero value.
// Sinch adds fields, leaves some out and varies others between channels, and
// none of that may cost us a message whose other fields are plain.
type object map[string]json.RawMessage

var errNotAnObject = errors.New("not a JSON object")

// parseObject leaves out fields that are null.
func parseObject(data []byte) (object, error) {
	var o object
	if err := json.Unmarshal(data, &o); err != nil || o == nil {
		return nil, errNotAnObject // the decoder's own words may quote the body
	}
	for key, value := range o {
		if string(value) == "null" {
			delete(o, key)
		}
	}
	return o, nil
}

func (o object) has(key string) bool {
	_, ok := o[key]
	return ok
}

func (o object) object(key string) object {
	inner, _ := parseObject(o[key])
	return inner
}

func (o object) objects(key string) []object {
	var raw []json.RawMessage
	if json.Unmarshal(o[key], &raw) != nil {
		return nil
	}
	var list []object
	for _, data := range raw {
		if item, err := parseObject(data); err == nil {
			list = append(list, item)
		}
	}
	return list
}

func (o object) text(key string) string { return read[string](o, key) }

func (o object) flag(key string) bool { return read[bool](o, key) }

func (o object) texts(key string) []string { return read[[]string](o, key) }

func (o object) number(key string) float64 { return read[float64](o, key) }

// decimal is a number as it was written, and empty for what is no number.
func (o object) decimal(key string) string { return read[json.Number](o, key).String() }

func read[T any](o object, key string) T {
	var value, zero T
	if json.Unmarshal(o[key], &value) != nil {
		return zero
	}
	return value
}

// time understands RFC 3339 with any number of fraction digits, and takes a
// missing zone for UTC.
func (o object) time(key string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		t, err := time.Parse(layout, o.text(key))
		if err != nil {
			continue
		}
		// Beyond these years a time cannot be written as JSON again.
		if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
			return time.Time{}
		}
		return t
	}
	return time.Time{}
}
