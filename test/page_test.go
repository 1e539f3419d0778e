package test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// browser starts a headless Chromium, or fails and says how to get one.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("Chromium is missing; CI installs it with: apt-get install chromium")
		}
		t.Skip("Chromium is missing, so the phone page is not tested; install it with: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(420, 900), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-quic", true), chromedp.WSURLReadTimeout(patience))
	allocated, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	return ctx
}

// A person's view: the reminder appears on the phone, an answer is typed with
// the keyboard, and the reply appears, all without reloading.
func TestPhonePage(t *testing.T) {
	t.Parallel()

	ctx := browser(t)
	w := newWorld(t)
	page := w.Settings["SINCH_API_URL"] + "/?phone=" + url.QueryEscape(string(ana))
	shows := func(words string) chromedp.Action[chromedp.Void] {
		return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.Poll[bool]("document.body.innerText.includes(`"+words+"`)", chromedp.WithPollingTimeout(time.Minute))(ctx, target)
			return chromedp.Void{}, err
		}
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(page)))
	w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	require.NoError(t, chromedp.Do(ctx,
		shows("Does that suit you?"),
		chromedp.SendKeys(chromedp.CSS("textarea"), "Can we reschedule?\r"),
		shows("No problem. Harbor Dental will get in touch"),
	))
	require.Len(t, w.Sim.Phone(ana).Messages(), 3)
	left, err := chromedp.Run(ctx, chromedp.Value(chromedp.CSS("textarea")))
	require.NoError(t, err)
	require.Empty(t, strings.TrimSpace(left), "the typing box is free for the next text")
	if path := os.Getenv("PARLEY_TEST_SCREENSHOT"); path != "" {
		picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, picture, 0o600)) //nolint:gosec // where the person who runs the test wants it
	}
}
