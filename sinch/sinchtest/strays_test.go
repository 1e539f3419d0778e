package sinchtest_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sinch/sinchtest"
)

// TestStrays: a stray receipt comes beside the right ones, signed as they are.
func TestStrays(t *testing.T) {
	t.Parallel()
	for fault, tt := range map[string]struct {
		rates sinchtest.Strays
		check func(t *testing.T, c *carrier, report map[string]any)
	}{
		sinchtest.FaultOtherNumber: {sinchtest.Strays{OtherNumber: 1}, func(t *testing.T, c *carrier, report map[string]any) {
			t.Helper()
			require.Equal(t, c.Sent()[0].ID, report["message_id"])
			require.Equal(t, "12025550147", report["channel_identity"].(map[string]any)["identity"])
			require.Equal(t, "k1", report["metadata"])
		}},
		sinchtest.FaultForeignMetadata: {sinchtest.Strays{ForeignMetadata: 1}, func(t *testing.T, c *carrier, report map[string]any) {
			t.Helper()
			require.NotEqual(t, c.Sent()[0].ID, report["message_id"])
			require.Equal(t, "15559876543", report["channel_identity"].(map[string]any)["identity"])
			require.Equal(t, "order 42 für Anna", report["metadata"])
		}},
		sinchtest.FaultUnknownStatus: {sinchtest.Strays{UnknownStatus: 1}, func(t *testing.T, c *carrier, report map[string]any) {
			t.Helper()
			require.Equal(t, c.Sent()[0].ID, report["message_id"])
			require.Equal(t, "DELETED", report["status"])
		}},
	} {
		for how, options := range map[string]sinchtest.Options{
			"once": {Faults: sinchtest.Faults{Next: []sinchtest.OneShot{{Fault: fault}}}}, "always": {Faults: sinchtest.Faults{Strays: tt.rates}},
		} {
			t.Run(fault+" "+how, func(t *testing.T) {
				t.Parallel()
				c, h := startWithHook(t, options)
				c.AddPhone(bob)
				c.send(ana, "Hi", "k1")
				c.quiet()
				got := h.all()
				require.Len(t, got, 4)
				require.NoError(t, sinch.Verify(got[1].header, got[1].body, []string{secret}, time.Now(), time.Minute))
				tt.check(t, c, got[1].part())
				require.True(t, c.Sent()[0].Callbacks[1].Stray)
				require.Equal(t, sinchtest.Delivered, c.Sent()[0].Status)

				kinds := slices.Delete(h.kinds(), 1, 2)
				require.Equal(t, []string{"message_submit_notification", "QUEUED_ON_CHANNEL", "DELIVERED"}, kinds)
			})
		}
	}
}

func TestForeignMetadataAlternates(t *testing.T) {
	t.Parallel()
	c, h := startWithHook(t, sinchtest.Options{Faults: sinchtest.Faults{
		Strays: sinchtest.Strays{ForeignMetadata: 1}, Receipts: sinchtest.NoReceipts,
	}})
	for range 4 {
		c.send(ana, "Hi", "k1")
		c.quiet()
	}
	got := h.all()
	require.Len(t, got, 4)
	require.Contains(t, got[1].part()["metadata"], "\x00")
	require.Len(t, got[2].part()["metadata"], 1024)
	require.JSONEq(t, `{"json":true}`, got[3].part()["metadata"].(string))
}

// TestRepeatedCallbacks: one that was answered 2xx comes again, with the signature
// it had or with another.
func TestRepeatedCallbacks(t *testing.T) {
	t.Parallel()
	for fault, tt := range map[string]struct {
		rates  sinchtest.CallbackFaults
		nonces int
	}{
		sinchtest.FaultDuplicate: {sinchtest.CallbackFaults{Duplicate: 1}, 1},
		sinchtest.FaultResigned:  {sinchtest.CallbackFaults{Resigned: 1}, 2},
	} {
		for how, options := range map[string]sinchtest.Options{
			"once":   {Faults: sinchtest.Faults{Next: []sinchtest.OneShot{{Fault: fault, On: sinchtest.OnCallback}}}},
			"always": {Faults: sinchtest.Faults{Callbacks: tt.rates}},
		} {
			t.Run(fault+" "+how, func(t *testing.T) {
				t.Parallel()
				c, h := startWithHook(t, options)
				c.Text(ana, "", "Hello")
				c.quiet()
				got := h.all()
				require.Len(t, got, 2)
				require.Equal(t, got[0].body, got[1].body)
				nonces := map[string]bool{}
				for _, callback := range got {
					nonces[callback.header.Get("X-Sinch-Webhook-Signature-Nonce")] = true
					require.NoError(t, sinch.Verify(callback.header, callback.body, []string{secret}, time.Now(), time.Minute))
				}
				require.Len(t, nonces, tt.nonces)
			})
		}
	}
}

// TestMisdatedTexts: all times that Sinch tells of a text are ahead, or back.
func TestMisdatedTexts(t *testing.T) {
	t.Parallel()
	day := sinchtest.Duration(24 * time.Hour)
	for name, tt := range map[string]struct {
		faults sinchtest.Faults
		by     time.Duration
	}{
		"ahead, once": {sinchtest.Faults{Next: []sinchtest.OneShot{{Fault: sinchtest.FaultFuture, On: sinchtest.OnCallback, For: day}}}, 24 * time.Hour},
		"back, once":  {sinchtest.Faults{Next: []sinchtest.OneShot{{Fault: sinchtest.FaultPast, On: sinchtest.OnCallback, For: day}}}, -24 * time.Hour},
		"ahead":       {sinchtest.Faults{Callbacks: sinchtest.CallbackFaults{Future: 1}}, time.Hour},
		"ahead by":    {sinchtest.Faults{Callbacks: sinchtest.CallbackFaults{Future: 1, FutureBy: day}}, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
			c, h := startWithHook(t, sinchtest.Options{Now: func() time.Time { return now }, Faults: tt.faults})
			c.send(ana, "Hi", "k1") // its receipts are right
			c.quiet()
			c.Text(ana, "", "Hello")
			c.quiet()
			want := now.Add(tt.by).Format("2006-01-02T15:04:05.000000Z")
			got := h.all()[3]
			require.Equal(t, want, got.parsed["accepted_time"])
			require.Equal(t, want, got.parsed["event_time"])
			require.Equal(t, want, got.part()["accept_time"])
			_, m := c.do(http.MethodGet, project+"/messages/"+c.Inbound()[0].ID, nil)
			require.Equal(t, want, m["accept_time"])
			require.Equal(t, now, c.Inbound()[0].At)
			require.Equal(t, now.Add(tt.by), c.Inbound()[0].AcceptedAt)
			for _, receipt := range h.all()[:3] {
				require.Equal(t, "2026-11-21T09:00:00.000000Z", receipt.parsed["accepted_time"])
			}
			require.Empty(t, c.Faults().Next)
		})
	}
}

// TestTries: a judge sees each try of a callback, but of a long row the latest.
func TestTries(t *testing.T) {
	t.Parallel()
	c, h := startWithHook(t, sinchtest.Options{RetryScale: 1e-9})
	h.answer = func(n int) int { return []int{503, 200}[min(n, 2)-1] }
	begun := time.Now()
	id := c.Text(ana, "", "Hello")
	c.quiet()
	m, _ := c.Message(id)
	tries := m.Callbacks[0].Tries
	require.Len(t, tries, 2)
	require.Equal(t, []int{503, 200}, []int{tries[0].Status, tries[1].Status})
	require.True(t, tries[0].Signed)
	require.False(t, tries[0].At.Before(begun))
	require.False(t, tries[1].At.Before(tries[0].At))
	require.Empty(t, tries[1].Error)

	d := start(t, sinchtest.Options{RetryScale: 1e-9, Webhooks: []sinchtest.Webhook{{Target: "http://127.0.0.1:1/nobody"}}})
	id = d.Text(ana, "", "Hello")
	d.quiet()
	m, _ = d.Message(id)
	require.NotEmpty(t, m.Callbacks[0].Tries[0].Error)
	require.Zero(t, m.Callbacks[0].Tries[0].Status)
	require.False(t, m.Callbacks[0].Tries[0].Signed, "without a secret")
}
