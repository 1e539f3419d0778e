package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"parley/sms/numbers"
	"parley/workflows"
)

// findScript finds a script by name; the case does not matter.
func findScript(name string) (workflows.Script, error) {
	i := slices.IndexFunc(workflows.Scripts, func(s workflows.Script) bool { return strings.EqualFold(s.Name, name) })
	if i < 0 {
		return workflows.Script{}, usagef("there is no script %q; known are %s", name, strings.Join(workflows.Names(), ", "))
	}
	return workflows.Scripts[i], nil
}

// readInput turns JSON into a script's input, and refuses what the script would
// not understand: a workflow that starts with a misspelt field would only be
// found out when its text is due.
func readInput(script workflows.Script, raw []byte) (any, error) {
	kind := script.Input()
	raw = bytes.TrimSpace(raw)
	switch {
	case kind == nil && len(raw) == 0:
		return nil, nil
	case kind == nil:
		return nil, usagef("%s takes no input", script.Name)
	case len(raw) == 0:
		return nil, usagef("%s needs --input or --input-file: %s", script.Name, wanted(kind))
	case !json.Valid(raw):
		return nil, usagef("the input is not JSON: %s; %s needs %s", syntax(raw), script.Name, wanted(kind))
	case kind.Kind() == reflect.Struct && raw[0] != '{':
		return nil, usagef("the input must be a JSON object; %s needs %s", script.Name, wanted(kind))
	}
	input, err := decode(kind, raw)
	if err != nil {
		return nil, usagef("the input does not suit %s: %s", script.Name, guilty(kind, raw, err))
	}
	if checked, ok := input.(interface{ Check() error }); ok {
		if err := checked.Check(); err != nil {
			return nil, usagef("the input does not suit %s: %s", script.Name, err)
		}
	}
	return input, nil
}

// decode reads JSON strictly into a value of that type, with numbers in their normal
// form: the script itself would take them by form only.
func decode(kind reflect.Type, raw []byte) (any, error) {
	normal, err := numbers.InJSON(raw, kind)
	if err != nil {
		return nil, err
	}
	value := reflect.New(kind)
	decoder := json.NewDecoder(bytes.NewReader(normal))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value.Interface()); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows after its end")
	}
	return value.Elem().Interface(), nil
}

// guilty names the field that does not suit: most decoding errors do not.
func guilty(kind reflect.Type, raw []byte, err error) string {
	var fields map[string]json.RawMessage
	if kind.Kind() != reflect.Struct || json.Unmarshal(raw, &fields) != nil {
		return complaint(err)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		alone, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err != nil {
			continue
		}
		_, err = decode(kind, alone)
		switch {
		case err == nil:
		case strings.HasPrefix(err.Error(), "json: unknown field"):
			return fmt.Sprintf("it has no field %s, only %s", complaint(err), fieldNames(kind))
		default:
			return fmt.Sprintf("field %q: %s", name, complaint(err))
		}
	}
	return complaint(err)
}

// complaint is a decoding error without Go's own names.
func complaint(err error) string {
	var mismatch *json.UnmarshalTypeError
	var moment *time.ParseError
	switch {
	case errors.As(err, &mismatch):
		return fmt.Sprintf("it must be a JSON %s, not %s", jsonKind(mismatch.Type), mismatch.Value)
	case errors.As(err, &moment):
		return "write a time with its offset from UTC, like 2026-11-24T15:00:00+01:00"
	}
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "json: "), "unknown field ")
}

func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice, reflect.Array:
		return "list"
	case reflect.Struct, reflect.Map:
		return "object"
	default:
		return "number that fits"
	}
}

// syntax says where JSON ceases to be JSON.
func syntax(raw []byte) string {
	var broken *json.SyntaxError
	if err := json.Unmarshal(raw, new(any)); errors.As(err, &broken) {
		return fmt.Sprintf("%s (byte %d)", broken.Error(), broken.Offset)
	}
	return "it is cut off"
}

func wanted(kind reflect.Type) string {
	if kind.Kind() == reflect.Struct {
		return "a JSON object with the fields " + fieldNames(kind)
	}
	return "a JSON " + jsonKind(kind)
}

func fieldNames(kind reflect.Type) string {
	var names []string
	for field := range kind.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		if field.IsExported() && name != "-" {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// differences lists the details in which a script that exists differs from what
// was asked for now. Both are read as the script would read them, so that
// "24h" is "24h0m0s" and a time is the same in any zone.
func differences(kind reflect.Type, exists, asked []byte) []string {
	var a, b any
	if json.Unmarshal(canonical(kind, exists), &a) != nil || json.Unmarshal(canonical(kind, asked), &b) != nil {
		return []string{"the input"}
	}
	return differ("", a, b)
}

func canonical(kind reflect.Type, raw []byte) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	if kind == nil {
		return raw
	}
	value, err := decode(kind, raw)
	if err != nil {
		return raw // of another build, say, with fields that this one does not know
	}
	written, err := json.Marshal(value)
	if err != nil {
		return raw
	}
	return written
}

func differ(path string, exists, asked any) []string {
	a, aIsObject := exists.(map[string]any)
	b, bIsObject := asked.(map[string]any)
	if !aIsObject || !bIsObject {
		if same(exists, asked) {
			return nil
		}
		if path == "" {
			path = "the input"
		}
		return []string{fmt.Sprintf("%s is %s there and %s here", path, brief(exists), brief(asked))}
	}
	names := maps.Clone(a)
	maps.Copy(names, b)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, differ(strings.TrimPrefix(path+"."+name, "."), a[name], b[name])...)
	}
	return all
}

func same(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	one, oneIsText := a.(string)
	two, twoIsText := b.(string)
	if !oneIsText || !twoIsText {
		return false
	}
	at, err := time.Parse(time.RFC3339, one)
	too, bad := time.Parse(time.RFC3339, two)
	return err == nil && bad == nil && at.Equal(too)
}

func brief(v any) string {
	if v == nil {
		return "not set"
	}
	written, err := json.Marshal(v)
	if err != nil {
		return "unreadable"
	}
	return string(written)
}
