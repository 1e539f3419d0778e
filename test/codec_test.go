package test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/stack"
	"parley/test/e2e"
)

const codecToken = "a-token-for-tests-0001"

// codecServer starts one, for a UI at this origin, and returns its URL.
func (w *world) codecServer(address, origin string) string {
	w.T.Helper()
	p := w.Run("codec-server", "parley", map[string]string{
		keysSetting: w.Settings[keysSetting], "TEMPORAL_NAMESPACE": w.Namespace,
		"PARLEY_CODEC_ADDR": address, "PARLEY_CODEC_TOKEN": codecToken, "PARLEY_CODEC_ORIGIN": origin,
	}, "codec-server")
	w.Await(p, func(ctx context.Context) bool { return stack.Answers(ctx, "http://"+address+"/healthz") })
	return "http://" + address
}

// Temporal's UI shows texts to who has signed in at the codec server, and to
// nobody else.
func TestTemporalUIDecrypts(t *testing.T) {
	t.Parallel()

	ctx := browser(t)
	ui, codec := e2e.Address(t), e2e.Address(t)
	_, port, _ := strings.Cut(ui, ":")
	w := newWorld(t, e2e.Setting(keysSetting, newKeys(t, "first")[0]), e2e.Server("--ui-port", port, "--ui-codec-endpoint", "http://"+codec, "--ui-codec-credentials"))
	codecURL := w.codecServer(codec, "http://"+ui)
	run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")

	page := fmt.Sprintf("http://%s/namespaces/%s/workflows/%s/%s/history", ui, w.Namespace, url.PathEscape("appointment:A-17"), run.GetRunID())
	text := func() string {
		words, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText")) // fails while the page is on its way
		return words
	}
	shows := func(words string) {
		t.Helper()
		w.Eventually("the page shows "+words, func() bool { return strings.Contains(text(), words) })
	}
	picture := func(name string) {
		t.Helper()
		if dir := os.Getenv("PARLEY_TEST_SCREENSHOTS"); dir != "" {
			picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600)) //nolint:gosec // where the person who runs the test wants it
		}
	}
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		require.NoError(t, chromedp.Do(ctx, actions...))
	}
	signIn := func(token string) {
		t.Helper()
		do(chromedp.Navigate(codecURL), chromedp.SendKeys(chromedp.CSS("input"), token+"\r"))
	}

	do(chromedp.EmulateViewport(1400, 1100), chromedp.Navigate(page))
	shows("Codec Server could not connect")
	shows("Input")
	require.NotContains(t, text(), "Harbor Dental")
	picture("before")

	signIn("a-token-that-is-wrong")
	shows("No such token.")
	do(chromedp.Navigate(page))
	shows("Codec Server could not connect")
	require.NotContains(t, text(), "Harbor Dental")

	signIn(codecToken)
	shows("You are signed in")
	picture("signed-in")
	do(chromedp.Navigate(page))
	shows("Harbor Dental")
	require.NotContains(t, text(), "Codec Server could not connect")
	picture("after")
	of, err := conversations.Describe(w.Ctx(), w.Temporal, wire.ID(ana, ""), "")
	require.NoError(t, err)
	at := fmt.Sprintf("http://%s/namespaces/%s/workflows/%s/%s/", ui, w.Namespace, url.PathEscape(wire.ID(ana, "")), of.GetWorkflowExecutionInfo().GetExecution().GetRunId())
	do(chromedp.Navigate(at + "history"))
	shows("to " + ana.Masked()) // the summary of an activity
	picture("conversation")
	do(chromedp.Navigate(at + "user-metadata")) // which the page shows in frames
	w.Eventually("the details are decrypted", func() bool {
		frames, err := chromedp.Run(ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("iframe")].map(f => decodeURIComponent(f.src)).join(" ") + document.body.innerText`))
		return err == nil && strings.Contains(frames, "waits for an answer since")
	})
	picture("metadata")

	// A page from elsewhere, in the same browser, may not.
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "elsewhere") }))
	t.Cleanup(elsewhere.Close)
	ask := fmt.Sprintf(`fetch(%q, {method: "POST", credentials: "include", headers: {"Content-Type": "application/json", "X-Namespace": "default"}, body: '{"payloads":[]}'})
		.then(r => document.body.innerText = "answered " + r.status, e => document.body.innerText = "not allowed")`, codecURL+"/decode")
	for at, want := range map[string]string{"http://" + ui + "/theme.js": "answered 200", elsewhere.URL: "not allowed"} {
		do(chromedp.Navigate(at))
		_, err := chromedp.Run(ctx, chromedp.Evaluate[any](ask))
		require.NoError(t, err)
		shows(want)
	}
}

// Temporal's command line decrypts with the same server.
func TestTemporalCommandLineDecrypts(t *testing.T) {
	t.Parallel()
	cli, err := exec.LookPath("temporal")
	if err != nil {
		t.Skip("Temporal's command line is missing")
	}
	w := newWorld(t, e2e.Setting(keysSetting, newKeys(t, "first")[0]))
	codecURL := w.codecServer(e2e.Address(t), "")
	w.Text(ana, "xylophone lessons")
	w.Receives(ana, youSaid("xylophone lessons"))
	show := func(args ...string) string {
		command := exec.CommandContext(w.Ctx(), cli, append([]string{ //nolint:gosec // Temporal's own program
			"workflow", "show", "--workflow-id", wire.ID(ana, ""), "--output", "json", "--address", w.Settings["TEMPORAL_ADDRESS"], "--namespace", w.Namespace,
		}, args...)...)
		command.Env = stack.Environment(w.Dir, nil)
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s", out)
		var all strings.Builder
		for _, data := range regexp.MustCompile(`"data": "([^"]*)"`).FindAllStringSubmatch(string(out), -1) {
			raw, err := base64.StdEncoding.DecodeString(data[1])
			require.NoError(t, err)
			all.Write(raw)
		}
		return all.String()
	}
	w.Eventually("the answer has left", func() bool { return len(w.State(ana).Transcript) == 2 })
	for _, args := range [][]string{{"show", string(ana)}, {"proof", w.State(ana).Transcript[1].Key}} {
		complaint := w.complaint("", args...)
		require.Contains(t, complaint, `a payload is encrypted with the key "first", which this program does not have: add it to PARLEY_ENCRYPTION_KEYS`)
		require.Equal(t, 1, strings.Count(complaint, "\n"), "one line, without a stack")
	}
	require.NotContains(t, show(), "xylophone")
	require.Contains(t, show("--codec-endpoint", codecURL, "--codec-auth", "Bearer "+codecToken), "xylophone")
}
