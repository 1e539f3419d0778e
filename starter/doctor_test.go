package main

import (
	"crypto/x509"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/identity"
	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// examined runs the command, and returns its findings by check. What it prints must
// be fit for a ticket.
func examined(t *testing.T, env settings.Env, code int, args ...string) map[string][]finding {
	t.Helper()
	stdout, stderr, got := parley(t, env, append([]string{"doctor", "--json"}, args...)...)
	require.Equal(t, code, got, stdout+stderr)
	for name, value := range env {
		if strings.HasSuffix(name, "_PARAM") {
			continue // names may be seen
		}
		if strings.Contains(name, "SECRET") || strings.Contains(name, "_KEY") || strings.Contains(name, "SENDER") {
			for one := range strings.SplitSeq(value, ",") {
				if one != encryption.None {
					require.NotContains(t, stdout+stderr, one, name)
				}
			}
		}
	}
	found := map[string][]finding{}
	for _, f := range unmarshal[findings](t, stdout) {
		found[f.Check] = append(found[f.Check], f)
	}
	return found
}

// one is the only finding of a check.
func one(t *testing.T, found map[string][]finding, check string) finding {
	t.Helper()
	require.Len(t, found[check], 1, "%s of %v", check, found)
	return found[check][0]
}

// only is what is not ok.
func only(found map[string][]finding) map[string]status {
	bad := map[string]status{}
	for check, all := range found {
		for _, f := range all {
			if f.Status != statusOK {
				bad[check] = f.Status
			}
		}
	}
	return bad
}

const hookTarget = "https://sms.example.com/webhooks/sinch"

// production are settings as they should be, but for the carrier's hosts.
func (w *world) production() {
	sim := w.sinch(sinchtest.Options{AccessKey: "k3y", AccessSecret: "k3y-s3cret"})
	_, err := sim.AddWebhook(sinchtest.Webhook{Target: hookTarget, Secret: "h00k-s3cret"})
	require.NoError(w.t, err)
	maps.Copy(w.env, settings.Env{
		"SINCH_ACCESS_KEY": "k3y", "SINCH_ACCESS_KEY_SECRET": "k3y-s3cret", "SINCH_WEBHOOK_SECRET": "h00k-s3cret,0ld-s3cret",
		"SINCH_WEBHOOK_TOLERANCE": "24h", "PARLEY_ARCHIVE_DIR": w.t.TempDir(),
	})
}

func TestDoctorFindsAllWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.production()
	w.work()
	const ana sms.Number = "+12025550170"
	w.says(ana, "Your table is ready.")
	w.texts(ana, "m1", "Thanks!")
	w.delivered(ana, w.carrier.id(w.says(ana, "See you.")))

	var found map[string][]finding
	require.Eventually(t, func() bool {
		found = examined(t, w.env, 0)
		return !strings.Contains(one(t, found, "life").Found, "unseen")
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, map[string]status{"Sinch's host": statusWarn}, only(found), "%v", found)
	require.Regexp(t, `^version \S+ at \S+, namespace "testdoctorfindsallwell-`, one(t, found, "Temporal").Found)
	require.Equal(t, "2, the default one first: +1•••100, +1•••101; Sinch does not say which numbers an app has", one(t, found, "our numbers").Found)
	require.Equal(t, "1 worker, nothing waits", one(t, found, "task queue parley, workflows").Found)
	require.Equal(t, "1 running", one(t, found, "conversations").Found)
	require.Regexp(t, `^last text of a contact \d+s ago, last receipt \d+s ago, last text that Sinch took \d+s ago; of 1 conversation, those that began last$`, one(t, found, "life").Found)
	require.Equal(t, hookTarget+" for MESSAGE_INBOUND, MESSAGE_DELIVERY, MESSAGE_SUBMIT", one(t, found, "Sinch's webhook").Found)

	printed := w.does("doctor")
	require.Contains(t, printed, "ok    Sinch's SMS channel: active\n")
	require.Contains(t, printed, "warn  Sinch's host: another host stands in for Sinch: 127.0.0.1:")
	require.Contains(t, printed, "\n      → for real texts, leave out SINCH_API_URL and SINCH_AUTH_URL\n")
}

func TestDoctorMissesWorkers(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t, false)
	w.production()
	w.env["PARLEY_SEND_TASK_QUEUE"] = "sending"
	w.texts("+12025550171", "m1", "Hello?")
	w.does("pause-sending", "--why", "tests")

	found := examined(t, w.env, 1)
	for _, check := range []string{"task queue parley, workflows", "task queue parley, activities", "task queue sending, sending", "workers"} {
		require.Equal(t, statusFail, one(t, found, check).Status, check)
	}
	require.Contains(t, one(t, found, "task queue parley, workflows").Found, "0 workers")
	require.Equal(t, statusWarn, one(t, found, "sending").Status)
	require.Contains(t, one(t, found, "sending").Found, ": tests")
	require.Equal(t, statusWarn, one(t, found, "search attributes").Status)
	require.Equal(t, statusOK, one(t, found, "standing still").Status, "not for long yet")
	require.Contains(t, w.fails(1, "doctor"), "4 of ")
}

func TestDoctorLooksAtIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const key, other = "a2V5LWtleS1rZXkta2V5LWtleS1rZXkta2V5LWtleS0=", "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Q="
	ids := func(key string) finding {
		env := maps.Clone(w.env)
		if key != "" {
			env["PARLEY_ID_KEY"] = key
		}
		found := one(t, examined(t, env, 1), "workflow ids") // 1: no worker runs
		return found
	}
	is := func(want status, found, advice string, f finding) {
		t.Helper()
		require.Equal(t, want, f.Status, f)
		require.Contains(t, f.Found, found)
		require.Contains(t, f.Advice, advice)
	}
	is(statusFail, "set PARLEY_ID_KEY to 32 random bytes", "as for the workers", ids("c2hvcnQ="))
	is(statusOK, "the first program that starts in this namespace settles them", "", ids(key))

	made, err := settings.ReadIDs(t.Context(), secrets.Fixed(key))
	require.NoError(t, err)
	require.NoError(t, identity.TakeUp(t.Context(), w.temporal, queue, made))
	is(statusOK, "made with the PARLEY_ID_KEY "+made.Fingerprint(), "", ids(key))
	is(statusFail, "another PARLEY_ID_KEY than is set here", "set that one; to change that, export consents", ids(other))
	is(statusFail, "and here none is set", "set that key", ids(""))
}

func TestDoctorSeesWhatIsParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	w.parks("+12025550172", "+12025550173")
	var f finding
	require.Eventually(t, func() bool {
		f = one(t, examined(t, w.env, 0), "parked work")
		return strings.Contains(f.Found, "2 conversations")
	}, time.Minute, 50*time.Millisecond)
	require.Regexp(t, `^2 things in 2 conversations \(2 send-denied\), the oldest for \d+s$`, f.Found)
	require.Equal(t, statusWarn, f.Status)
	require.Contains(t, f.Advice, "parley parked")
}

// With nothing set and nothing there, it says so, and comes to its end.
func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	env := settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
	found := examined(t, env, 1, "--probe", hookTarget)
	f := one(t, found, "Temporal")
	require.Equal(t, statusFail, f.Status)
	require.Contains(t, f.Found, "reaching Temporal at 127.0.0.1:9")
	require.Equal(t, map[string]status{
		"Temporal": statusFail, "settings of the worker": statusWarn, "settings of the webhook": statusWarn, "our numbers": statusWarn,
		"age of callbacks": statusWarn, "Sinch's app": statusWarn, "probe": statusWarn,
	}, only(found))
	require.Equal(t, "not set here: SINCH_WEBHOOK_SECRET, SINCH_APP_ID", one(t, found, "settings of the webhook").Found)
	require.Equal(t, "not set here: SINCH_PROJECT_ID, SINCH_APP_ID, SINCH_ACCESS_KEY, SINCH_ACCESS_KEY_SECRET", one(t, found, "Sinch's app").Found)
	require.Contains(t, one(t, found, "probe").Advice, "set SINCH_WEBHOOK_SECRET")
}

func TestDoctorReadsTheSettings(t *testing.T) {
	t.Parallel()
	env := settings.Env{
		"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": "127.0.0.1:9",
		"PARLEY_IDLE_AFTER": "1h", "PARLEY_SEND_RATE": "10", "PARLEY_RESPONDER_TRIES": "often", "PARLEY_LOG_FORMAT": "xml", "PARLEY_NOTIFY_URL": "desk/t0ken-s3cret",
		"SINCH_WEBHOOK_SECRET": "h00k", "SINCH_APP_ID": "app", "SINCH_ACCESS_KEY_PARAM": "/parley/key",
	}
	found := examined(t, env, 1)
	f := one(t, found, "settings")
	require.Equal(t, "4 settings not understood, or make no sense", f.Found)
	for _, want := range []string{"PARLEY_RESPONDER_TRIES is not understood", "set PARLEY_SEND_TASK_QUEUE", "set PARLEY_NOTIFY_URL", "PARLEY_LOG_FORMAT is not understood"} {
		require.Contains(t, f.Advice, want)
	}
	require.NotContains(t, f.Advice, "t0ken")
	require.Equal(t, statusOK, one(t, found, "settings of the webhook").Status)
	require.Equal(t, "not set here: SINCH_PROJECT_ID, SINCH_ACCESS_KEY_SECRET", one(t, found, "settings of the worker").Found, "a key may be kept elsewhere")

	env = settings.Env{
		"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": "127.0.0.1:9", "PARLEY_IDLE_AFTER": "1h", "PARLEY_ARCHIVE_DIR": "/nowhere/at/all",
		"PARLEY_RESPONDER_URL": "http://desk.example/t0ken-s3cret", "PARLEY_OUTCOME_URL": "http://127.0.0.1:1/x",
	}
	found = examined(t, env, 1)
	require.Contains(t, one(t, found, "settings").Advice, "set PARLEY_IDLE_AFTER to 24h or more")
	require.Equal(t, "what is sent to PARLEY_RESPONDER_URL travels in clear", one(t, found, "plain http").Found)
	require.Equal(t, statusWarn, one(t, found, "archive").Status)
	require.NoDirExists(t, "/nowhere")
}

func TestDoctorAsksSinch(t *testing.T) {
	t.Parallel()
	away := settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
	ask := func(t *testing.T, options sinchtest.Options, change settings.Env, hooks ...sinchtest.Webhook) map[string][]finding {
		t.Helper()
		options.AccessKey, options.AccessSecret, options.Webhooks = "k3y", "k3y-s3cret", hooks
		sim := sinchtest.New(options)
		listener := httptest.NewServer(sim)
		t.Cleanup(listener.Close)
		t.Cleanup(sim.Close)
		env := maps.Clone(away)
		maps.Copy(env, settings.Env{
			"SINCH_PROJECT_ID": sinchtest.DefaultProjectID, "SINCH_APP_ID": sinchtest.DefaultAppID, "SINCH_ACCESS_KEY": "k3y", "SINCH_ACCESS_KEY_SECRET": "k3y-s3cret",
			"SINCH_API_URL": listener.URL, "SINCH_AUTH_URL": listener.URL,
		})
		maps.Copy(env, change)
		return examined(t, env, 1)
	}
	good := sinchtest.Webhook{Target: hookTarget, Secret: "h00k-s3cret"}

	t.Run("the key is wrong", func(t *testing.T) {
		t.Parallel()
		f := one(t, ask(t, sinchtest.Options{}, settings.Env{"SINCH_ACCESS_KEY_SECRET": "wr0ng"}, good), "Sinch's app")
		require.Equal(t, statusFail, f.Status)
		require.Equal(t, "Sinch's answer: INVALID_CLIENT", f.Found)
		require.Contains(t, f.Advice, "check SINCH_ACCESS_KEY")
	})
	t.Run("the app is in another region", func(t *testing.T) {
		t.Parallel()
		f := one(t, ask(t, sinchtest.Options{}, settings.Env{"SINCH_APP_ID": "elsewhere"}, good), "Sinch's app")
		require.Equal(t, statusFail, f.Status)
		require.Equal(t, "Sinch's answer: NOT_FOUND", f.Found)
		require.Contains(t, f.Advice, "an app is known in its own region only")
	})
	t.Run("Sinch is away", func(t *testing.T) {
		t.Parallel()
		f := one(t, ask(t, sinchtest.Options{}, settings.Env{"SINCH_API_URL": "http://127.0.0.1:9", "SINCH_AUTH_URL": "http://127.0.0.1:9"}), "Sinch's app")
		require.Equal(t, statusFail, f.Status)
		require.Equal(t, "Sinch's answer: connection refused", f.Found)
	})
	t.Run("Sinch keeps no list", func(t *testing.T) {
		t.Parallel()
		found := ask(t, sinchtest.Options{Mode: sinchtest.Dispatch}, nil, good)
		require.Contains(t, one(t, found, "Sinch's app").Found, "in DISPATCH mode")
		require.Equal(t, statusWarn, one(t, found, "Sinch's message list").Status)
		require.Equal(t, statusOK, one(t, ask(t, sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 2}, nil, good), "Sinch's message list").Status)
	})
	t.Run("there is no webhook", func(t *testing.T) {
		t.Parallel()
		f := one(t, ask(t, sinchtest.Options{}, nil), "Sinch's webhook")
		require.Equal(t, statusFail, f.Status)
		require.Contains(t, f.Advice, "parley webhook register --url https://")
	})
	t.Run("the webhooks are not right", func(t *testing.T) {
		t.Parallel()
		found := ask(t, sinchtest.Options{}, nil,
			sinchtest.Webhook{Target: "http://sms.example.com/webhooks/sinch/receipts?token=t0ken-s3cret", Secret: "h00k-s3cret", Triggers: []string{"MESSAGE_DELIVERY"}},
			sinchtest.Webhook{Target: "https://sms.example.com/other", Secret: "h00k-s3cret", Triggers: []string{"MESSAGE_INBOUND"}})["Sinch's webhook"]
		require.Len(t, found, 3)
		require.Equal(t, "texts come to http://sms.example.com/webhooks/sinch/receipts in clear", found[0].Found)
		require.Equal(t, statusWarn, found[1].Status)
		require.Equal(t, "no webhook of Parley's gets MESSAGE_INBOUND", found[2].Found)
		require.Equal(t, statusFail, found[2].Status)
	})
}

func TestDoctorKnowsTheChannel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		channels []sinch.Channel
		status   status
	}{
		{nil, statusFail},
		{[]sinch.Channel{{Name: "RCS", Status: "ACTIVE"}}, statusFail},
		{[]sinch.Channel{{Name: "SMS", Status: "FAILING", Detail: "closed"}}, statusFail},
		{[]sinch.Channel{{Name: "SMS", Status: "PENDING"}}, statusWarn},
		{[]sinch.Channel{{Name: "SMS", Status: "ACTIVE"}}, statusOK},
		{[]sinch.Channel{{Name: "SMS"}}, statusOK},
	}
	for _, tt := range tests {
		require.Equal(t, tt.status, examineChannel(sinch.App{Channels: tt.channels}).Status, "%v", tt.channels)
	}
}

// doors are what may stand where the webhook should.
func TestDoctorJudgesTheDoor(t *testing.T) {
	t.Parallel()
	says := func(status int, header http.Header, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	late := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-20*time.Minute-30*time.Second).UTC().Format(http.TimeFormat))
		says(401, nil, `{"result":"refused","reason":"callback is rightly signed, but its time is outside the accepted window"}`)(w, r)
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  status
		found   string
	}{
		{"taken", says(200, nil, `{"result":"dropped","reason":"trigger"}`), statusOK, "signed, taken and dropped"},
		{"another app's", says(200, nil, `{"result":"dropped","reason":"app"}`), statusFail, "the webhook belongs to another app than"},
		{"another program", says(200, nil, `<html>`), statusFail, "something else answered 200"},
		{"wrong secret, too often", says(429, nil, `{"result":"refused","reason":"too many callbacks without a right signature; callback has a wrong signature"}`), statusFail, "refused: too many"},
		{"wrong secret", says(401, nil, `{"result":"refused","reason":"callback has a wrong signature"}`), statusFail, "refused: callback has a wrong signature"},
		{"wrong clock", late, statusFail, "clocks differ by about 20m"},
		{"a guard", says(403, nil, ``), statusFail, "something before the webhook answered 403"},
		{"wrong path", says(404, nil, ``), statusFail, "answered 404: not the webhook's path"},
		{"moved", says(308, http.Header{"Location": {"https://www.example.com/webhooks/sinch?token=t0ken"}}, ``), statusFail, "redirected to https://www.example.com/webhooks/sinch"},
		{"moved here", says(301, http.Header{"Location": {"/webhooks/sinch/"}}, ``), statusFail, "redirected to /webhooks/sinch/"},
		{"no Temporal", says(503, nil, `{"result":"unavailable","reason":"Temporal did not take it"}`), statusFail, "the webhook answered 503: Temporal did not take it"},
		{"no webhook", says(502, nil, ``), statusFail, "answered 502 by something before the webhook"},
		{"strange", says(418, nil, ``), statusFail, "answered 418"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.handler)
			t.Cleanup(server.Close)
			f := probed(t, server.URL)["probe"][0]
			require.Equal(t, tt.status, f.Status)
			require.Contains(t, f.Found, tt.found)
			require.NotContains(t, f.Found, "t0ken")
		})
	}
}

func probed(t *testing.T, at string, args ...string) map[string][]finding {
	t.Helper()
	env := settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": "127.0.0.1:9", "SINCH_WEBHOOK_SECRET": "h00k-s3cret"}
	return examined(t, env, 1, append([]string{"--probe", at + "/webhooks/sinch"}, args...)...)
}

func TestDoctorDoesNotGetThrough(t *testing.T) {
	t.Parallel()
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	open := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(open.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client has gone
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	u, err := url.Parse(open.URL)
	require.NoError(t, err)

	f := one(t, probed(t, tls.URL), "probe")
	require.Equal(t, "the certificate is not trusted", f.Found)
	require.Equal(t, statusFail, f.Status)
	require.Equal(t, "the other side does not speak TLS", one(t, probed(t, "https://"+u.Host), "probe").Found)
	require.Equal(t, "nothing listens there", one(t, probed(t, "http://127.0.0.1:9"), "probe").Found)
	require.Equal(t, "no answer in time", one(t, probed(t, silent.URL, "--timeout", "300ms"), "probe").Found)
	require.Equal(t, "--probe is not a URL", one(t, probed(t, "sms.example.com"), "probe").Found)
}

// Whoever takes a call and says nothing keeps it waiting no longer than it said.
func TestDoctorComesToAnEnd(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	at := silent.Addr().String()
	found := examined(t, settings.Env{
		"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": at, "SINCH_WEBHOOK_SECRET": "h00k-s3cret",
		"SINCH_PROJECT_ID": "p", "SINCH_APP_ID": "a", "SINCH_ACCESS_KEY": "k3y", "SINCH_ACCESS_KEY_SECRET": "k3y-s3cret", "SINCH_API_URL": "http://" + at, "SINCH_AUTH_URL": "http://" + at,
	}, 1, "--timeout", "300ms", "--probe", "http://"+at+"/webhooks/sinch")
	for _, check := range []string{"Temporal", "Sinch's app", "Sinch's webhook", "probe"} {
		require.Equal(t, statusFail, one(t, found, check).Status, check)
	}
	require.Equal(t, "Sinch's answer: timeout", one(t, found, "Sinch's app").Found)
}

func TestDoctorNamesTheFault(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err   error
		found string
	}{
		{&net.DNSError{Err: "no such host", Name: "t0ken.example.com"}, "the host's name does not resolve"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "t0ken"}, "the certificate is for another name"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "the certificate has expired, or is not valid yet"},
		{x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, "the certificate is not trusted"},
		{io.ErrUnexpectedEOF, "the connection failed"},
	}
	for _, tt := range tests {
		f := unreached("probe", &url.Error{Op: "Post", URL: "https://t0ken.example.com", Err: tt.err})
		require.Equal(t, statusFail, f.Status)
		require.Equal(t, tt.found, f.Found)
		require.NotEmpty(t, f.Advice)
	}
}

func TestDoctorSeesACertificateEnd(t *testing.T) {
	t.Parallel()
	require.Empty(t, expiring(time.Time{}), "plain http has none")
	require.Empty(t, expiring(time.Now().Add(15*24*time.Hour)))
	f := expiring(time.Now().Add(13*24*time.Hour + time.Hour))
	require.Equal(t, []finding{{Check: "probe", Status: statusWarn, Found: "the certificate ends in 13d0h", Advice: "renew it"}}, f)
}

// What the latest events tell is told to a person only once it is late.
func TestDoctorJudgesLife(t *testing.T) {
	t.Parallel()
	past := func(d time.Duration) time.Time { return time.Now().Add(-d) }
	l := life{looked: 3, text: past(time.Hour), receipt: past(30 * time.Minute), sent: past(5 * time.Minute)}
	require.Equal(t, finding{Check: "life", Status: statusOK, Found: "last text of a contact 1h00m ago, last receipt 30m ago, last text that Sinch took 5m ago; of 3 conversations, those that began last"}, l.traffic(3))
	require.Contains(t, l.traffic(50).Found, "of 3 conversations, as many of the last 50 as could be read in time")
	l.sent = past(20 * time.Minute)
	require.Equal(t, statusWarn, l.traffic(3).Status, "no receipt came for it")
	l.receipt = past(19 * time.Minute)
	require.Equal(t, statusOK, l.traffic(3).Status)
	require.Equal(t, statusOK, life{looked: 1}.traffic(1).Status)

	l.turns = []time.Time{past(time.Second), past(2 * time.Minute)}
	require.Equal(t, "2 open turns in these conversations, the oldest for 2m", l.responder().Found)
	require.Equal(t, statusOK, l.responder().Status)
	l.turns = append(l.turns, past(11*time.Minute))
	require.Equal(t, statusWarn, l.responder().Status)

	l.unread = []time.Time{past(time.Second)}
	require.Equal(t, statusOK, l.standing().Status)
	l.unread = append(l.unread, past(3*time.Minute), past(2*time.Minute))
	require.Equal(t, "2 conversations, the longest for 3m", l.standing().Found)
	require.Equal(t, statusFail, l.standing().Status)
}

// A history's end is read backwards: what ended is met before what began it.
func TestDoctorReadsHistories(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const ana sms.Number = "+12025550174"
	w.texts(ana, "m1", "Hello?")
	w.texts(ana, "m2", "Anybody?")
	require.NoError(t, w.reach.Tell(t.Context(), ana, "", wire.Envelope{Kind: "unknown"}))
	s, err := (&app{cli: &cli{Timeout: time.Minute}, env: w.env}).connect(t.Context(), workFlags{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	d := &doctor{server: s, command: &doctorCmd{Sample: 5}}
	read := func() life {
		runs, err := d.newest(t.Context())
		require.NoError(t, err)
		l, err := d.read(t.Context(), runs)
		require.NoError(t, err)
		return l
	}
	require.Eventually(t, func() bool { return read().looked == 1 }, time.Minute, 50*time.Millisecond)
	l := read()
	require.Len(t, l.unread, 1, "no worker has taken anything")
	require.False(t, l.text.IsZero())
	require.True(t, l.text.After(l.unread[0]), "it waits since the first")
	require.True(t, l.receipt.IsZero())
	require.True(t, l.sent.IsZero())

	w.work()
	require.Eventually(t, func() bool { l = read(); return !l.sent.IsZero() && len(l.turns) == 0 }, time.Minute, 50*time.Millisecond)
	require.Empty(t, l.unread)
	w.delivered(ana, messageIDOf(ana, 1))
	require.Eventually(t, func() bool { return !read().receipt.IsZero() }, time.Minute, 50*time.Millisecond)
}
