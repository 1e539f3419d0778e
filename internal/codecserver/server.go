package codecserver

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"parley/internal/auth"
	"parley/internal/encryption"
)

const (
	mostPayloads = 4 << 20 // bytes of one request, as the Temporal server allows in a message
	mostForm     = 4 << 10

	sessionCookie = "parley-codec"
	sessionLasts  = 12 * time.Hour

	// A source whose tokens were wrong is not listened to for a while, also with a
	// right one; who has signed in does not notice.
	guesses      = 10
	guessesEvery = 3 * time.Second
)

// Server decrypts payloads for whoever shows a token, or has signed in with
// one. A page of another site that got our address under its own name would be
// sent no cookie of ours, and has no token.
type Server struct {
	log        *slog.Logger
	codec      encryption.Codec
	tokens     auth.Tokens
	origins    []string // of Temporal's UI
	namespaces []string
	secure     bool // the UI is served by TLS, and so are we

	failures *auth.Failures
	sessions []byte // signs them; others after a restart
	mux      *http.ServeMux
}

func (s *Server) prepare() {
	s.failures = auth.NewFailures(time.Now, guessesEvery, guesses)
	s.sessions = make([]byte, sha256.Size)
	_, _ = rand.Read(s.sessions) // it never fails
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST /decode", s.decode)
	s.mux.HandleFunc("OPTIONS /decode", s.preflight)
	s.mux.HandleFunc("GET /{$}", s.page)
	s.mux.HandleFunc("POST /session", s.signIn)
	s.mux.HandleFunc("POST /session/end", s.signOut)
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
}

// ServeHTTP serves the codec's endpoint, and the page to sign in on.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "same-origin")
	s.mux.ServeHTTP(w, r)
}

// allowed tells the browser which page may read our answers. It reports false for
// a page from elsewhere.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true // no page
	}
	if !slices.Contains(s.origins, strings.ToLower(origin)) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	return true
}

func (s *Server) preflight(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r) {
		http.Error(w, "this origin is not among those of PARLEY_CODEC_ORIGIN", http.StatusForbidden)
		return
	}
	w.Header().Set("Access-Control-Allow-Methods", http.MethodPost)
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) decode(w http.ResponseWriter, r *http.Request) {
	// Temporal's command line leaves it empty unless the namespace is named.
	namespace := cmp.Or(r.Header.Get("X-Namespace"), client.DefaultNamespace)
	refuse := func(status int, who, words string) {
		s.log.Warn("decode", "result", "refused", "status", status, "who", who, "namespace", s.known(namespace), "reason", words)
		http.Error(w, words, status)
	}
	if !s.allowed(w, r) {
		refuse(http.StatusForbidden, "", "this origin is not among those of PARLEY_CODEC_ORIGIN")
		return
	}
	who, status := s.who(r)
	switch {
	case status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "30")
		refuse(status, "", "too many wrong tokens: come again later")
		return
	case status != http.StatusOK:
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(status, "", "show a token as Authorization: Bearer, or sign in on this server's page")
		return
	case !slices.Contains(s.namespaces, namespace):
		refuse(http.StatusForbidden, who, "this namespace, the header X-Namespace, is not among those of PARLEY_CODEC_NAMESPACES")
		return
	case r.ContentLength > mostPayloads:
		refuse(http.StatusRequestEntityTooLarge, who, "the payloads are too large")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostPayloads)
	reading := &reading{codec: s.codec}
	answer := &statusOf{ResponseWriter: w, status: http.StatusOK}
	converter.NewPayloadCodecHTTPHandler(reading).ServeHTTP(answer, r)
	line := []any{"result", "ok", "who", who, "namespace", namespace, "payloads", reading.payloads, "decrypted", reading.decrypted}
	if answer.status != http.StatusOK {
		line[1] = "refused"
	}
	if reading.unreadable != nil {
		line = append(line, "unreadable", reading.payloads-reading.decrypted-reading.plain, "first", reading.unreadable.Error())
	}
	s.log.Info("decode", append(line, "status", answer.status)...)
}

// known hides what a stranger wrote in place of a namespace.
func (s *Server) known(namespace string) string {
	if slices.Contains(s.namespaces, namespace) {
		return namespace
	}
	return "another"
}

// statusOf remembers what was answered.
type statusOf struct {
	http.ResponseWriter
	status int
}

func (s *statusOf) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// reading decrypts what it can. The rest stays as it is, so that one payload whose
// key is gone does not hide the others of its page.
type reading struct {
	codec                      encryption.Codec
	payloads, decrypted, plain int
	unreadable                 error
}

func (d *reading) Encode([]*commonpb.Payload) ([]*commonpb.Payload, error) {
	return nil, fmt.Errorf("this server only decrypts")
}

func (d *reading) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := slices.Clone(payloads)
	for i, p := range payloads {
		d.payloads++
		if !encryption.IsEncrypted(p) {
			d.plain++
			continue
		}
		one, err := d.codec.Decode([]*commonpb.Payload{p})
		if err != nil {
			d.unreadable = err
			continue
		}
		decoded[i] = one[0]
		d.decrypted++
	}
	return decoded, nil
}

// who is asking, as the number of a token, and the status to answer if nobody is.
func (s *Server) who(r *http.Request) (string, int) {
	if token, ok := auth.Bearer(r.Header.Get("Authorization")); ok {
		return s.owner(r, token)
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		if number, ok := s.session(cookie.Value, time.Now()); ok {
			return "token " + strconv.Itoa(number) + ", signed in", http.StatusOK
		}
	}
	return "", http.StatusUnauthorized
}

// owner looks a token up.
func (s *Server) owner(r *http.Request, token string) (string, int) {
	source := auth.Proxies(nil).Source(r)
	if !s.failures.Left(source) {
		return "", http.StatusTooManyRequests
	}
	number := s.number(token)
	if number == 0 {
		s.failures.Take(source)
		return "", http.StatusUnauthorized
	}
	return "token " + strconv.Itoa(number), http.StatusOK
}

// number is that of a token, from 1 on; 0 if it is not ours.
func (s *Server) number(token string) int { return s.tokens.Find(strings.TrimSpace(token)) + 1 }

// newSession is a cookie's value: whose it is, until when, and our signature.
func (s *Server) newSession(number int, until time.Time) string {
	says := strconv.Itoa(number) + "." + strconv.FormatInt(until.Unix(), 10)
	return says + "." + s.signature(says)
}

func (s *Server) session(value string, now time.Time) (number int, ok bool) {
	at := strings.LastIndex(value, ".")
	if at < 0 || !hmac.Equal([]byte(value[at+1:]), []byte(s.signature(value[:at]))) {
		return 0, false
	}
	var until int64
	if n, err := fmt.Sscanf(value[:at], "%d.%d", &number, &until); n != 2 || err != nil {
		return 0, false
	}
	return number, now.Before(time.Unix(until, 0))
}

func (s *Server) signature(says string) string {
	mac := hmac.New(sha256.New, s.sessions)
	mac.Write([]byte(says))
	return hex.EncodeToString(mac.Sum(nil))
}

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

type view struct {
	SignedIn bool
	Wrong    string
	Origins  []string
}

func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(sessionCookie)
	shown := view{Origins: s.origins}
	if err == nil {
		_, shown.SignedIn = s.session(cookie.Value, time.Now())
	}
	s.show(w, http.StatusOK, shown)
}

func (s *Server) show(w http.ResponseWriter, status int, shown view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, shown) // as little can be done as about any other answer
}

// ownForm reports whether a form was sent by our own page, and not by another
// site's.
func ownForm(r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && origin.Host != "" && strings.EqualFold(origin.Host, r.Host)
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	if !ownForm(r) {
		http.Error(w, "sign in on this server's own page", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	who, status := s.owner(r, r.PostFormValue("token"))
	switch status {
	case http.StatusTooManyRequests:
		s.show(w, status, view{Wrong: "Too many wrong tokens. Come again in half a minute."})
	case http.StatusOK:
		until := time.Now().Add(sessionLasts)
		s.setCookie(w, s.newSession(s.number(r.PostFormValue("token")), until), int(sessionLasts.Seconds()))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		s.show(w, status, view{Wrong: "No such token."})
	}
	s.log.Info("sign in", "status", status, "who", who)
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if !ownForm(r) {
		http.Error(w, "sign out on this server's own page", http.StatusForbidden)
		return
	}
	s.setCookie(w, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Server) setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // secure where there is TLS
		Name: sessionCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode,
	})
}
