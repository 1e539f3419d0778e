// Package parameterstest is a Parameter Store that behaves, or does not: it
// speaks as much of AWS's protocol as reading one parameter takes.
package parameterstest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Store is one, at URL.
type Store struct {
	URL string

	mutex  sync.Mutex
	values map[string]string
	fault  http.HandlerFunc
	asked  map[string]int
}

// Start starts a store that ends with the test.
func Start(t *testing.T, values map[string]string) *Store {
	t.Helper()
	s := &Store{values: values, asked: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Environment leads AWS's library to this store, and nowhere else.
func (s *Store) Environment() map[string]string {
	return map[string]string{ //nolint:gosec // of nobody
		"AWS_ENDPOINT_URL_SSM": s.URL, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "aws-secret",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	}
}

// Put sets a parameter.
func (s *Store) Put(name, value string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.values[name] = value
}

// Fail makes every request end like this; nil is the end of that.
func (s *Store) Fail(fault http.HandlerFunc) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fault = fault
}

// Asked is how often a parameter was asked for.
func (s *Store) Asked(name string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.asked[name]
}

// Refuse answers as AWS does, with one of its codes.
func Refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "arn:aws:iam::123456789012:user/somebody: " + code})
	}
}

// Hang answers nothing until the caller gives up.
func Hang(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

// ServeHTTP answers GetParameter.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Name           string
		WithDecryption bool
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" ||
		!strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		Refuse(http.StatusBadRequest, "InvalidAction")(w, r)
		return
	}
	s.mutex.Lock()
	s.asked[request.Name]++
	value, ok := s.values[request.Name]
	fault := s.fault
	s.mutex.Unlock()
	switch {
	case fault != nil:
		fault(w, r)
		return
	case !ok:
		Refuse(http.StatusBadRequest, "ParameterNotFound")(w, r)
		return
	case !request.WithDecryption:
		value = "AQICAHh-encrypted" // as of a SecureString
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{
		"Name": request.Name, "Type": "SecureString", "Value": value, "Version": 1, "DataType": "text",
	}})
}
