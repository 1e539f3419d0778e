package main

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/doctor"
	"parley/internal/encryption"
	"parley/internal/identity"
	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// examined runs the command, and returns its findings by check. What it prints must
// be fit for a ticket.
func examined(t *testing.T, env settings.Env, code int, args ...string) map[string][]doctor.Finding {
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
	found := map[string][]doctor.Finding{}
	for _, f := range unmarshal[findings](t, stdout) {
		found[f.Check] = append(found[f.Check], f)
	}
	return found
}

// one is the only finding of a check.
func one(t *testing.T, found map[string][]doctor.Finding, check string) doctor.Finding {
	t.Helper()
	require.Len(t, found[check], 1, "%s of %v", check, found)
	return found[check][0]
}

// only is what is not ok.
func only(found map[string][]doctor.Finding) map[string]doctor.Status {
	bad := map[string]doctor.Status{}
	for check, all := range found {
		for _, f := range all {
			if f.Status != doctor.OK {
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

	var found map[string][]doctor.Finding
	require.Eventually(t, func() bool {
		found = examined(t, w.env, 0)
		return !strings.Contains(one(t, found, "life").Found, "unseen")
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, map[string]doctor.Status{"Sinch's host": doctor.Warn}, only(found), "%v", found)
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
		require.Equal(t, doctor.Fail, one(t, found, check).Status, check)
	}
	require.Contains(t, one(t, found, "task queue parley, workflows").Found, "0 workers")
	require.Equal(t, doctor.Warn, one(t, found, "sending").Status)
	require.Contains(t, one(t, found, "sending").Found, ": tests")
	require.Equal(t, doctor.Warn, one(t, found, "search attributes").Status)
	require.Equal(t, doctor.OK, one(t, found, "standing still").Status, "not for long yet")
	require.Contains(t, w.fails(1, "doctor"), "4 of ")
}

func TestDoctorLooksAtIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const key, other = "a2V5LWtleS1rZXkta2V5LWtleS1rZXkta2V5LWtleS0=", "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Q="
	ids := func(key string) doctor.Finding {
		env := maps.Clone(w.env)
		if key != "" {
			env["PARLEY_ID_KEY"] = key
		}
		found := one(t, examined(t, env, 1), "workflow ids") // 1: no worker runs
		return found
	}
	is := func(want doctor.Status, found, advice string, f doctor.Finding) {
		t.Helper()
		require.Equal(t, want, f.Status, f)
		require.Contains(t, f.Found, found)
		require.Contains(t, f.Advice, advice)
	}
	is(doctor.Fail, "set PARLEY_ID_KEY to 32 random bytes", "as for the workers", ids("c2hvcnQ="))
	is(doctor.OK, "the first program that starts in this namespace settles them", "", ids(key))

	made, err := settings.ReadIDs(t.Context(), secrets.Fixed(key))
	require.NoError(t, err)
	require.NoError(t, identity.TakeUp(t.Context(), w.temporal, queue, made))
	is(doctor.OK, "made with the PARLEY_ID_KEY "+made.Fingerprint(), "", ids(key))
	is(doctor.Fail, "another PARLEY_ID_KEY than is set here", "set that one; to change that, export consents", ids(other))
	is(doctor.Fail, "and here none is set", "set that key", ids(""))
}

func TestDoctorSeesWhatIsParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	w.parks("+12025550172", "+12025550173")
	var f doctor.Finding
	require.Eventually(t, func() bool {
		f = one(t, examined(t, w.env, 0), "parked work")
		return strings.Contains(f.Found, "2 conversations")
	}, time.Minute, 50*time.Millisecond)
	require.Regexp(t, `^2 things in 2 conversations \(2 send-denied\), the oldest for \d+s$`, f.Found)
	require.Equal(t, doctor.Warn, f.Status)
	require.Contains(t, f.Advice, "parley parked")
}

// With nothing set and nothing there, it says so, and comes to its end.
func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	env := settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
	found := examined(t, env, 1, "--probe", hookTarget)
	f := one(t, found, "Temporal")
	require.Equal(t, doctor.Fail, f.Status)
	require.Contains(t, f.Found, "reaching Temporal at 127.0.0.1:9")
	require.Equal(t, map[string]doctor.Status{
		"Temporal": doctor.Fail, "settings of the worker": doctor.Warn, "settings of the webhook": doctor.Warn, "our numbers": doctor.Warn,
		"age of callbacks": doctor.Warn, "Sinch's app": doctor.Warn, "probe": doctor.Warn,
	}, only(found))
	require.Equal(t, "not set here: SINCH_WEBHOOK_SECRET, SINCH_APP_ID", one(t, found, "settings of the webhook").Found)
	require.Equal(t, "not set here: SINCH_PROJECT_ID, SINCH_APP_ID, SINCH_ACCESS_KEY, SINCH_ACCESS_KEY_SECRET", one(t, found, "Sinch's app").Found)
	require.Contains(t, one(t, found, "probe").Advice, "set SINCH_WEBHOOK_SECRET")
}
