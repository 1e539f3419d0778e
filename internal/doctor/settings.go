package doctor

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"parley/internal/settings"
	"parley/internal/wording"
	"parley/sms"
)

// An installation is what the settings say, of all programs. A group that is not
// understood has no values.
type installation struct {
	temporal     settings.Temporal
	sends        settings.Sending
	conversation settings.Conversation
	hooks        settings.Hooks
	archive      settings.Archive
	sinchApp     settings.SinchApp
	access       settings.SinchAccess
	callbacks    settings.SinchCallbacks
	wrong        []error
}

// readInstallation reads each group on its own, so that one wrong setting does
// not hide the others.
func readInstallation(env settings.Env) installation {
	var i installation
	var unused struct {
		settings.Log
		settings.Metrics
	}
	understood := func(group any) bool {
		_, err := settings.Parse(group, nil, env, io.Discard, io.Discard, kong.Vars{"metrics_addr": ""})
		if err != nil {
			i.wrong = append(i.wrong, err)
		}
		return err == nil
	}
	check := func(err error) {
		if err != nil {
			i.wrong = append(i.wrong, err)
		}
	}
	understood(&i.temporal)
	if understood(&i.sends) {
		_, err := i.sends.Rate(i.temporal)
		check(err)
	}
	tolerance := time.Minute
	if understood(&i.callbacks) {
		var err error
		tolerance, err = i.callbacks.Tolerance()
		check(err)
	}
	if understood(&i.conversation) {
		_, err := i.conversation.Settings(i.temporal, tolerance)
		check(err)
	}
	if understood(&i.hooks) {
		for _, read := range []func() error{
			func() error { _, err := i.hooks.Responder(); return err },
			func() error { _, err := i.hooks.Services(); return err },
		} {
			check(read())
		}
	}
	if understood(&i.archive) && (i.archive.ArchiveDir == "" || i.archive.ArchiveURL != "") {
		_, err := i.archive.OpenArchive(i.hooks.HookSecret) // which would make a folder
		check(err)
	}
	understood(&i.sinchApp)
	understood(&i.access)
	understood(&unused)
	return i
}

func (e *examination) examineSettings(context.Context) []Finding {
	var found []Finding
	if len(e.wrong) > 0 {
		found = append(found, failed("settings", errors.Join(e.wrong...).Error(), "%s not understood, or make no sense", wording.Counted(len(e.wrong), "setting")))
	} else {
		found = append(found, fine("settings", "all that are set here are understood"))
	}
	worker := []string{"SINCH_PROJECT_ID", "SINCH_APP_ID", "SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET"}
	found = append(found,
		e.complete("settings of the worker", "set what is missing where it runs; only a worker --only conversations does without", worker),
		e.complete("settings of the webhook", "set what is missing where it runs", []string{"SINCH_WEBHOOK_SECRET", "SINCH_APP_ID"}),
		e.examineSenders())
	if tolerance, err := e.callbacks.Tolerance(); err == nil && tolerance < 24*time.Hour {
		found = append(found, warned("age of callbacks", "set SINCH_WEBHOOK_TOLERANCE=24h for webhook and worker: duplicates are dropped by id in any case",
			"after an outage of more than %s, texts may be refused for their age", wording.Age(tolerance)))
	}
	return append(found, e.examineURLs()...)
}

// complete finds out whether a program has what it does not start without, or
// should not.
func (e *examination) complete(check, advice string, names []string) Finding {
	var missing []string
	for _, name := range names {
		if !e.isSet(name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return warned(check, advice, "not set here: %s", strings.Join(missing, ", "))
	}
	return fine(check, "complete")
}

// isSet is true for a setting that is kept elsewhere, too.
func (e *examination) isSet(name string) bool {
	return strings.TrimSpace(e.Env[name]) != "" || strings.TrimSpace(e.Env[name+"_PARAM"]) != ""
}

func (e *examination) examineSenders() Finding {
	const check = "our numbers"
	senders := e.sinchApp.Senders()
	if len(senders) == 0 {
		return warned(check, "set SINCH_SMS_SENDER, the same for worker, webhook and parley: without it all our numbers share one conversation with a contact",
			"SINCH_SMS_SENDER is not set here: the app's own default number sends")
	}
	return fine(check, "%d, the default one first: %s; Sinch does not say which numbers an app has", len(senders), strings.Join(maskedSenders(senders), ", "))
}

func maskedSenders(senders []sms.Sender) []string {
	masked := make([]string, len(senders))
	for i, s := range senders {
		masked[i] = s.Masked()
	}
	return masked
}

// examineURLs looks for what leads elsewhere than in production, or in clear.
func (e *examination) examineURLs() []Finding {
	var found []Finding
	if inClear := e.inClear(); len(inClear) > 0 {
		found = append(found, warned("plain http", "use https://, or make sure that nobody can read along", "what is sent to %s travels in clear", strings.Join(inClear, ", ")))
	}
	if e.access.APIURL != "" || e.access.AuthURL != "" {
		found = append(found, warned("Sinch's host", "for real texts, leave out SINCH_API_URL and SINCH_AUTH_URL", "another host stands in for Sinch: %s", hostOf(e.access.APIURL, e.access.AuthURL)))
	}
	if dir := e.archive.ArchiveDir; dir != "" && e.archive.ArchiveURL == "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			found = append(found, warned("archive", "run the doctor where the workers run, or make the folder", "PARLEY_ARCHIVE_DIR is not a folder here"))
		}
	}
	return found
}

// inClear are the settings whose URL leads to another machine without TLS.
func (e *examination) inClear() []string {
	var names []string
	for _, one := range append(e.hooks.Addresses(),
		settings.Address{Setting: "PARLEY_ARCHIVE_URL", URL: e.archive.ArchiveURL},
		settings.Address{Setting: "SINCH_API_URL", URL: settings.Secret(e.access.APIURL)},
		settings.Address{Setting: "SINCH_AUTH_URL", URL: settings.Secret(e.access.AuthURL)},
	) {
		if u, err := url.Parse(one.URL.Reveal()); err == nil && u.Scheme == "http" && !isLocal(u) {
			names = append(names, one.Setting)
		}
	}
	return names
}

func hostOf(urls ...string) string {
	var hosts []string
	for _, s := range urls {
		if u, err := url.Parse(s); err == nil && u.Host != "" && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	return strings.Join(hosts, ", ")
}

// isLocal is true for a URL on this machine.
func isLocal(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}
