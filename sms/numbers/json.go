package numbers

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"parley/sms"
)

// InJSON brings all numbers and senders in a JSON value to their normal form, before
// it is read as a value of type t: read as it is, it would be taken by form only. It
// fails if something is no number. What does not suit the type stays as it is, for
// whoever decodes it to complain of; so do keys of maps, and types that read their
// JSON themselves.
func InJSON(raw json.RawMessage, t reflect.Type) (json.RawMessage, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[sms.Number]():
		return inString(raw, Parse)
	case t == reflect.TypeFor[sms.Sender]():
		return inString(raw, func(s string) (sms.Sender, error) { return ParseSender(s), nil })
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return raw, nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return inObject(raw, fieldsOf(t))
	case reflect.Map:
		return inObject(raw, func(string) reflect.Type { return t.Elem() })
	case reflect.Slice, reflect.Array:
		return inList(raw, t.Elem())
	default:
		return raw, nil
	}
}

func inString[T ~string](raw json.RawMessage, parse func(string) (T, error)) (json.RawMessage, error) {
	var written string
	if json.Unmarshal(raw, &written) != nil || written == "" {
		return raw, nil
	}
	n, err := parse(written)
	if err != nil {
		return nil, err
	}
	if string(n) == written {
		return raw, nil
	}
	return json.Marshal(string(n))
}

// inObject looks into the values of whose names it is told the type; nil is none.
func inObject(raw json.RawMessage, typeOf func(name string) reflect.Type) (json.RawMessage, error) {
	var values map[string]json.RawMessage
	if json.Unmarshal(raw, &values) != nil {
		return raw, nil
	}
	changed := false
	for name, value := range values {
		t := typeOf(name)
		if t == nil {
			continue
		}
		normal, err := InJSON(value, t)
		if err != nil {
			return nil, err
		}
		changed = changed || !bytes.Equal(normal, value)
		values[name] = normal
	}
	if !changed {
		return raw, nil
	}
	return json.Marshal(values)
}

func inList(raw json.RawMessage, t reflect.Type) (json.RawMessage, error) {
	var values []json.RawMessage
	if json.Unmarshal(raw, &values) != nil {
		return raw, nil
	}
	changed := false
	for i, value := range values {
		normal, err := InJSON(value, t)
		if err != nil {
			return nil, err
		}
		changed = changed || !bytes.Equal(normal, value)
		values[i] = normal
	}
	if !changed {
		return raw, nil
	}
	return json.Marshal(values)
}

// fieldsOf finds a struct's field as encoding/json does, in any case.
func fieldsOf(t reflect.Type) func(name string) reflect.Type {
	return func(name string) reflect.Type {
		for _, f := range reflect.VisibleFields(t) {
			as, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if as == "" {
				as = f.Name
			}
			if f.IsExported() && strings.EqualFold(as, name) {
				return f.Type
			}
		}
		return nil
	}
}
