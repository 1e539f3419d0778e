package sinch

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers by which Sinch signs a callback.
const (
	HeaderSignature = "X-Sinch-Webhook-Signature"
	HeaderTimestamp = "X-Sinch-Webhook-Signature-Timestamp"
	HeaderNonce     = "X-Sinch-Webhook-Signature-Nonce"
	HeaderAlgorithm = "X-Sinch-Webhook-Signature-Algorithm"
)

// Algorithm is the only signing algorithm that Sinch uses.
const Algorithm = "HmacSHA256"

// What Verify holds against a callback.
var (
	ErrUnsigned     = errors.New("callback is not signed: a signature header is missing, or its algorithm is not " + Algorithm)
	ErrBadSignature = errors.New("callback has a wrong signature")
	// ErrStale is worth counting apart from the others: Sinch did sign this
	// callback, so refusing it loses a real text or receipt.
	ErrStale = errors.New("callback is rightly signed, but its time is outside the accepted window")
)

// Sign returns the signature of a callback. The timestamp is signed as the text
// it is, and the body as the bytes that travel: white space counts.
func Sign(secret string, body []byte, nonce, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	mac.Write([]byte("." + nonce + "." + timestamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// SignHeader signs a body as Sinch would at that moment, under a nonce of its
// own, and sets the four headers.
func SignHeader(h http.Header, secret string, body []byte, at time.Time) {
	nonce := rand.Text()
	timestamp := strconv.FormatInt(at.Unix(), 10)
	h.Set(HeaderSignature, Sign(secret, body, nonce, timestamp))
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderNonce, nonce)
	h.Set(HeaderAlgorithm, Algorithm)
}

// Verify checks that a callback was signed with one of the secrets, at most
// tolerance away from now in either direction. It returns ErrUnsigned,
// ErrBadSignature or ErrStale, the last only when the signature is right.
//
// Several secrets are accepted so that one can be replaced without losing
// callbacks; an empty one never matches, since anybody can sign with it. The
// algorithm header may be absent, as in some of Sinch's own samples. The nonce
// is not remembered: duplicates are dropped by message id, where a repetition
// that Sinch signed again is found as well.
func Verify(h http.Header, body []byte, secrets []string, now time.Time, tolerance time.Duration) error {
	signature, timestamp, nonce := h.Get(HeaderSignature), h.Get(HeaderTimestamp), h.Get(HeaderNonce)
	if signature == "" || timestamp == "" || nonce == "" {
		return ErrUnsigned
	}
	if algorithm := h.Get(HeaderAlgorithm); algorithm != "" && !strings.EqualFold(algorithm, Algorithm) {
		return ErrUnsigned
	}

	// No early return: how long it takes must not tell which secret was near.
	right := false
	for _, secret := range secrets {
		match := hmac.Equal([]byte(signature), []byte(Sign(secret, body, nonce, timestamp)))
		right = right || (match && secret != "")
	}
	if !right {
		return ErrBadSignature
	}

	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return ErrStale // signed, but at no time that could be inside the window
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return ErrStale
	}
	return nil
}
