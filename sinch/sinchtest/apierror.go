package sinchtest

import (
	"fmt"
	"net/http"
)

// An apiError is an answer in the shape that Sinch documents: HTTP status, the
// gRPC name of it, and a sentence.
type apiError struct {
	status  int
	message string
}

func (e *apiError) Error() string { return e.message }

func invalid(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound(sentence string) *apiError {
	return &apiError{http.StatusNotFound, sentence}
}

var grpcNames = map[int]string{
	http.StatusBadRequest:          "INVALID_ARGUMENT",
	http.StatusUnauthorized:        "UNAUTHENTICATED",
	http.StatusForbidden:           "PERMISSION_DENIED",
	http.StatusNotFound:            "NOT_FOUND",
	http.StatusConflict:            "ALREADY_EXISTS",
	http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError: "INTERNAL",
	http.StatusNotImplemented:      "UNIMPLEMENTED",
	http.StatusServiceUnavailable:  "UNAVAILABLE",
	http.StatusGatewayTimeout:      "DEADLINE_EXCEEDED",
}

func (e *apiError) write(w http.ResponseWriter) {
	name, ok := grpcNames[e.status]
	if !ok {
		name = "UNKNOWN"
	}
	writeJSON(w, e.status, map[string]any{"error": map[string]any{
		"code": e.status, "message": e.message, "status": name, "details": []any{},
	}})
}
