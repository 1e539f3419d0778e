package sinchtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	"parley/sms/numbers"
)

// readJSON reads a body of ours (not Sinch's), in which a misspelt name is a mistake.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	return strictJSON(http.MaxBytesReader(w, r.Body, 1<<20), into)
}

// strictJSON reads one JSON value, in which a misspelt name is a mistake, and a
// number may be written in any way.
func strictJSON(from io.Reader, into any) error {
	decoder := json.NewDecoder(from)
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("reading JSON: there is more than one value")
	}
	raw, err := numbers.InJSON(raw, reflect.TypeOf(into))
	if err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(into); err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	return nil
}

// complain answers with an error of our own side of the server.
func complain(w http.ResponseWriter, sentence string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": sentence})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", body, err)) // our own types always encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // who does not listen any more needs no answer
}

// Duration is a time.Duration that JSON writes as "1m30s".
type Duration time.Duration

// MarshalText writes the duration as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration understands.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("write a duration as \"1m30s\": %w", err)
	}
	if parsed < 0 {
		return fmt.Errorf("a duration cannot be negative: %s", text)
	}
	*d = Duration(parsed)
	return nil
}

// Offset is a Duration that may be negative.
type Offset time.Duration

// MarshalText writes the offset as time.Duration prints it.
func (o Offset) MarshalText() ([]byte, error) { return []byte(time.Duration(o).String()), nil }

// UnmarshalText reads what time.ParseDuration understands.
func (o *Offset) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("write an offset as \"-2m\": %w", err)
	}
	*o = Offset(parsed)
	return nil
}
