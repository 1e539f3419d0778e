package doctor

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"parley/internal/wording"
	"parley/sinch"
)

// A door is the webhook as it is seen from outside.
type door struct {
	status  int
	result  string // of the webhook's answer, if it is one
	reason  string
	moved   string // where to, of a redirect
	clock   time.Duration
	took    time.Duration
	expires time.Time // the certificate
}

// expiresSoon is when a certificate that is renewed by itself should have been.
const expiresSoon = 14 * 24 * time.Hour

// examineDoor does as Sinch would, with a kind of callback that is dropped.
func (e *examination) examineDoor(ctx context.Context) []Finding {
	const check = "probe"
	target, err := url.Parse(e.Probe)
	if err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http" {
		return []Finding{failed(check, "give it as https://sms.example.com"+callbacksPath, "--probe is not a URL")}
	}
	read := e.callbacks.Secrets
	if strings.HasSuffix(target.Path, receiptsPath) {
		read = e.callbacks.ReceiptsSecrets
	}
	signing, err := read(e.Parameters)
	if err != nil {
		return []Finding{warned(check, err.Error(), "nothing was sent: it could not be signed")}
	}
	secrets, err := signing.Get(ctx)
	if err != nil {
		return []Finding{failed(check, err.Error(), "nothing was sent: it could not be signed")}
	}
	// A kind of callback that no conversation has a use for.
	body, _ := json.Marshal(map[string]any{
		"app_id": e.sinchApp.AppID, "project_id": e.access.ProjectID, "accepted_time": time.Now().UTC(), "capability_notification": map[string]any{},
	})
	answer, err := knock(ctx, http.MethodPost, target, body, secrets[0])
	if err != nil {
		return []Finding{unreached(check, err)}
	}
	found := []Finding{e.judge(check, answer)}
	if target.Scheme != "https" && !isLocal(target) {
		found = append(found, warned(check, "have Sinch call an https:// URL", "texts travel to it in clear"))
	}
	found = append(found, e.expiring(answer.expires)...)
	return append(found, examineReadiness(ctx, target))
}

func (e *examination) expiring(at time.Time) []Finding {
	if left := time.Until(at); !at.IsZero() && left < expiresSoon {
		return []Finding{warned("probe", "renew it", "the certificate ends in %s", wording.Age(left))}
	}
	return nil
}

// knock makes one request, and follows no redirect: nor will a signed callback.
func knock(ctx context.Context, method string, target *url.URL, body []byte, secret string) (door, error) {
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return door{}, err
	}
	if secret != "" {
		sinch.SignHeader(request.Header, secret, body, time.Now())
		request.Header.Set("Content-Type", "application/json")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	begun := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return door{}, err
	}
	defer response.Body.Close()
	d := door{status: response.StatusCode, took: time.Since(begun).Round(time.Millisecond), moved: response.Header.Get("Location")}
	if at, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		d.clock = time.Since(at).Abs()
	}
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		d.expires = response.TLS.PeerCertificates[0].NotAfter
	}
	var said struct{ Result, Reason string }
	if page, err := io.ReadAll(io.LimitReader(response.Body, 4<<10)); err == nil && json.Unmarshal(page, &said) == nil {
		d.result, d.reason = said.Result, said.Reason
	}
	return d, nil
}

// clockSkew is more than the way and the seconds of a Date header make.
const clockSkew = 30 * time.Second

// judge says what the answer to a signed callback tells of the way to the webhook.
func (e *examination) judge(check string, a door) Finding {
	switch {
	case a.status == http.StatusOK:
		return e.judgeTaken(check, a)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden,
		a.status == http.StatusTooManyRequests && a.result == "refused": // too often
		return e.judgeRefused(check, a)
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed:
		return failed(check, "the URL must end in "+callbacksPath+", and proxies must leave the path as it is", "answered %d: not the webhook's path", a.status)
	case a.status/100 == 3:
		return failed(check, "register the URL to which it leads: callbacks are not sent on", "answered %d: redirected to %s", a.status, plainOr(a.moved))
	case a.status == http.StatusServiceUnavailable && a.result == "unavailable":
		return failed(check, "see the webhook's log; Sinch repeats what is answered so", "the webhook answered 503: %s", a.reason)
	case a.status >= 500:
		return failed(check, "does the webhook run, and does the proxy reach it? Sinch repeats what is answered so", "answered %d by something before the webhook", a.status)
	}
	return failed(check, "see the log of the webhook, and of what stands before it", "answered %d", a.status)
}

func (e *examination) judgeTaken(check string, a door) Finding {
	switch {
	case a.result != "dropped":
		return failed(check, "the way must lead to Parley's webhook, at "+callbacksPath, "something else answered 200")
	case a.reason == "app":
		return failed(check, "give webhook and parley the same SINCH_APP_ID", "the webhook belongs to another app than %s", e.sinchApp.AppID)
	}
	return fine(check, "signed, taken and dropped, in %s", a.took)
}

func (e *examination) judgeRefused(check string, a door) Finding {
	switch {
	case a.status == http.StatusUnauthorized && strings.Contains(a.reason, "outside the accepted window"):
		return failed(check, "set the clocks of this machine and of the webhook's (NTP)", "refused for its time: clocks differ by about %s", wording.Age(a.clock))
	case a.status == http.StatusForbidden, a.result != "refused":
		return failed(check, "let Sinch's callbacks pass: they are signed, and carry no other credentials", "something before the webhook answered %d", a.status)
	case a.clock > clockSkew:
		return failed(check, "the first SINCH_WEBHOOK_SECRET here must be one of the webhook's; and set the clocks", "refused for its signature; clocks differ by %s, too", wording.Age(a.clock))
	}
	return failed(check, "the first SINCH_WEBHOOK_SECRET here must be one of the webhook's, and the one at Sinch; under "+receiptsPath+" SINCH_RECEIPTS_SECRET", "refused: %s", a.reason)
}

func plainOr(location string) string {
	if u, err := url.Parse(location); err == nil && u.Host == "" && u.Path != "" {
		return u.EscapedPath()
	}
	return plain(location)
}

// unreached says why there was no answer. The error's own text may quote the URL.
func unreached(check string, err error) Finding {
	var (
		dns       *net.DNSError
		hostname  x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		timeout   net.Error
	)
	const certificate = "get a certificate for that name from an authority that all trust"
	switch {
	case errors.As(err, &dns):
		return failed(check, "check the name, and its DNS record", "the host's name does not resolve")
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed(check, "start the webhook, or what stands before it, there", "nothing listens there")
	case errors.As(err, &hostname):
		return failed(check, certificate, "the certificate is for another name")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failed(check, "renew it", "the certificate has expired, or is not valid yet")
	case errors.As(err, &authority), errors.As(err, &invalid):
		return failed(check, certificate+", and have the server send the whole chain", "the certificate is not trusted")
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return failed(check, "terminate TLS before the webhook, which speaks plain HTTP", "the other side does not speak TLS")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return failed(check, "is a firewall in the way? Else a longer --timeout", "no answer in time")
	}
	return failed(check, "look at what stands before the webhook", "the connection failed")
}

// examineReadiness asks the webhook itself whether it can work. Its owner decides
// whether /readyz is open to the world.
func examineReadiness(ctx context.Context, target *url.URL) Finding {
	const check = "webhook ready"
	u := *target
	u.RawQuery = ""
	u.Path = "/readyz"
	if before, ours := strings.CutSuffix(strings.TrimSuffix(target.Path, "/receipts"), callbacksPath); ours {
		u.Path = before + u.Path // what a proxy takes off
	}
	answer, err := knock(ctx, http.MethodGet, &u, nil, "")
	switch {
	case err != nil:
		return unreached(check, err)
	case answer.status == http.StatusOK && answer.result == "ok":
		return fine(check, "it reaches Temporal")
	case answer.status == http.StatusServiceUnavailable:
		return failed(check, "see the webhook's log, and its TEMPORAL_ADDRESS", "answered 503: %s", cmp.Or(answer.reason, "something before it"))
	}
	return fine(check, "not asked: /readyz is not open there (%s)", fmt.Sprint(answer.status))
}
