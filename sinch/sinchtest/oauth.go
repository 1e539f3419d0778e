package sinchtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// token is POST /oauth2/token: client credentials, as Basic authentication or
// in the form. Errors are shaped as OAuth has them, not as the API has them.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, body any) {
		s.count(OnToken, status)
		writeJSON(w, status, body)
	}
	refuse := func(status int, code, description string) {
		answer(status, map[string]string{"error": code, "error_description": description})
	}

	plan := s.plan(OnToken, "")
	if plan.status != 0 {
		s.count(OnToken, plan.status)
		plan.writeError(w)
		return
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
	answer(http.StatusOK, map[string]any{
		"access_token": s.newToken(),
		"expires_in":   int(s.opts.TokenLifetime.Seconds()) - 1, // Sinch says 3599
		"scope":        "",
		"token_type":   "bearer",
	})
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
	now := s.opts.Now()
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
	if c.Epoch != epoch || s.opts.Now().After(time.Unix(c.Expires, 0)) {
		return false, true
	}
	return true, false
}

// asSinch puts what all API calls share in front of a handler: the token, the
// project, and the faults. The send handler decides on its faults itself,
// because they depend on whom the message is for.
func (s *Server) asSinch(on Operation, handler http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted := &countingWriter{ResponseWriter: w}
		defer func() { s.count(on, counted.status) }()
		w = counted
		if on == OnSend {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
			if err != nil {
				invalid("The request body cannot be read.").write(w)
				return
			}
			attempt := s.attempted(r, body)
			defer func() { s.ended(attempt, counted.status) }()
			r = r.WithContext(context.WithValue(r.Context(), attemptKey{}, attempt))
			r.Body = io.NopCloser(bytes.NewReader(body))
		}

		if s.outage() {
			(&apiError{http.StatusServiceUnavailable, "The service is currently unavailable."}).write(w)
			return
		}
		if ok, expired := s.authorized(r); !ok {
			challenge := `Bearer error="invalid_token"`
			if expired {
				// Sinch's SDK fetches a new token when it reads this word.
				challenge += `, error_description="The access token expired"`
			}
			w.Header().Set("WWW-Authenticate", challenge)
			(&apiError{http.StatusUnauthorized, "Request had invalid credentials."}).write(w)
			return
		}
		if r.PathValue("project") != s.opts.ProjectID {
			notFound("Project not found.").write(w)
			return
		}
		if on != OnSend {
			plan := s.plan(on, "")
			if !plan.before(s, w, r) {
				return
			}
			if plan.acceptThen == FaultResetAfter {
				handler(unheard{http.Header{}}, r)
				reset(w)
				return
			}
		}
		handler(w, r)
	})
}

// noSuchRoute answers as Sinch's gateway does: 501 where the path exists for
// another method only, such as POST /apps/{id}/webhooks, else 404.
func noSuchRoute(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "/v1/" {
				(&apiError{http.StatusNotImplemented, "Method Not Allowed"}).write(w)
				return
			}
		}
		notFound("Not Found").write(w)
	}
}

// unheard takes an answer that nobody gets.
type unheard struct{ header http.Header }

func (u unheard) Header() http.Header { return u.header }

func (unheard) Write(data []byte) (int, error) { return len(data), nil }

func (unheard) WriteHeader(int) {}

// countingWriter remembers the status for the statistics.
type countingWriter struct {
	http.ResponseWriter
	status int
}

func (w *countingWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
