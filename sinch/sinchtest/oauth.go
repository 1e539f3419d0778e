package sinchtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// token is POST /oauth2/token: client credentials, as Basic authentication or
// in the form. Errors are shaped as OAuth has them, not as the API has them.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, description string) {
		writeJSON(w, status, map[string]string{"error": code, "error_description": description})
	}
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/x-www-form-urlencoded" {
		refuse(http.StatusBadRequest, "invalid_request", "the body must be a form")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		refuse(http.StatusBadRequest, "invalid_request", "the form cannot be read")
		return
	}
	key, secret, ok := r.BasicAuth()
	if !ok {
		key, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if !s.credentialsFit(key, secret) {
		if ok {
			w.Header().Set("WWW-Authenticate", "Basic")
		}
		refuse(http.StatusUnauthorized, "invalid_client", "client authentication failed")
		return
	}
	if grant := r.PostForm.Get("grant_type"); grant != "client_credentials" {
		refuse(http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials")
		return
	}
	body := map[string]any{"access_token": s.newToken(), "scope": "", "token_type": "bearer"}
	if lifetime := s.expiresIn(); lifetime != nil {
		body["expires_in"] = lifetime
	}
	writeJSON(w, http.StatusOK, body)
}

// expiresIn is what a token's answer says about its lifetime; nil: nothing.
func (s *Server) expiresIn() any {
	seconds := int(s.opts.TokenLifetime.Seconds()) - 1 // Sinch says 3599
	switch s.Faults().ExpiresIn {
	case ExpiresInZero:
		return 0
	case ExpiresInNegative:
		return -seconds
	case ExpiresInMissing:
		return nil
	case ExpiresInString:
		return strconv.Itoa(seconds)
	}
	return seconds
}

func (s *Server) credentialsFit(key, secret string) bool {
	if key == "" || secret == "" {
		return false
	}
	return (s.opts.AccessKey == "" || key == s.opts.AccessKey) &&
		(s.opts.AccessSecret == "" || secret == s.opts.AccessSecret)
}

// claims are what an access token says. It is a JWT because Sinch's SDK reads
// its exp.
type claims struct {
	ID      string `json:"jti"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
	Epoch   int    `json:"epoch"`
}

func (s *Server) newToken() string {
	s.mu.Lock()
	epoch := s.tokenEpoch
	s.mu.Unlock()
	now := s.now()
	body, err := json.Marshal(claims{
		ID: newID(now), Issued: now.Unix(), Expires: now.Add(s.opts.TokenLifetime).Unix(), Epoch: epoch,
	})
	if err != nil {
		panic(err) // three numbers and a string always encode
	}
	encode := base64.RawURLEncoding.EncodeToString
	unsigned := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(body)
	return unsigned + "." + encode(s.tokenSum(unsigned))
}

func (s *Server) tokenSum(unsigned string) []byte {
	mac := hmac.New(sha256.New, s.tokenKey)
	mac.Write([]byte(unsigned))
	return mac.Sum(nil)
}

// ExpireTokens makes every access token handed out so far worthless.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenEpoch++
}

// authorized checks the bearer token. Basic authentication works too, as Sinch
// documents ("for tests only").
func (s *Server) authorized(r *http.Request) (ok, expired bool) {
	if key, secret, basic := r.BasicAuth(); basic {
		return s.credentialsFit(key, secret), false
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false, false
	}
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return false, false
	}
	sum, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(sum, s.tokenSum(token[:dot])) {
		return false, false
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	var c claims
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(body, &c) != nil {
		return false, false
	}
	s.mu.Lock()
	epoch := s.tokenEpoch
	s.mu.Unlock()
	if c.Epoch != epoch || s.now().After(time.Unix(c.Expires, 0)) {
		return false, true
	}
	return true, false
}
