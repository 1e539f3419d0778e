package livecheck

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"parley/sms"
)

// What a report has in the place of what is ours, so that it can serve as a
// fixture: numbers reserved for fiction, and the ids of Sinch's own samples.
const (
	fictionalPhone   = "15559876543"
	fictionalSender  = "12065550100"
	fictionalProject = "c36f3d3d-1523-4edd-ae42-11995557ff61"
	fictionalApp     = "01EB37HMH1M6SV18ABNS3G135H"
	fictionalMedia   = "https://media.example.com/picture.jpg"
)

// nationalDigits are so many that they are no coincidence.
const nationalDigits = 8

// A disguise replaces what is ours, and leaves all else as it is.
type disguise struct{ pairs []string }

func (d *disguise) replace(ours, with string) {
	if len(ours) > 4 {
		d.pairs = append(d.pairs, ours, with)
	}
}

func newDisguise(projectID, appID string, phone sms.Number, senders []sms.Sender) disguise {
	var d disguise
	d.replace(projectID, fictionalProject)
	d.replace(appID, fictionalApp)
	d.replace(digits(phone), fictionalPhone)
	d.replace(otherForm(digits(phone)), fictionalPhone)
	if n := len(digits(phone)); n > nationalDigits { // where the country is left out
		d.replace(digits(phone)[n-nationalDigits:], fictionalPhone[len(fictionalPhone)-nationalDigits:])
	}
	for _, sender := range senders {
		d.replace(digits(sender), fictionalSender)
	}
	return d
}

// An address of media may be one that anybody can open.
var mediaURL = regexp.MustCompile(`("(?:url|thumbnail_url)"\s*:\s*")https?:[^"]*"`)

// text is a body in disguise.
func (d disguise) text(body string) string {
	// The longest first: one number may be the beginning of another.
	pairs := slices.Collect(slices.Chunk(d.pairs, 2))
	slices.SortStableFunc(pairs, func(a, b []string) int { return cmp.Compare(len(b[0]), len(a[0])) })
	body = strings.NewReplacer(slices.Concat(pairs...)...).Replace(body)
	return mediaURL.ReplaceAllString(body, `${1}`+fictionalMedia+`"`)
}

// shownHeaders are those of a callback that say something about Sinch. The
// signature fits neither the disguise nor any secret that is kept.
var shownHeaders = []string{
	"Accept", "Accept-Encoding", "Content-Type", "User-Agent",
	"X-Sinch-Webhook-Signature-Algorithm", "X-Sinch-Webhook-Signature-Nonce", "X-Sinch-Webhook-Signature-Timestamp",
}

func headers(h http.Header) map[string]string {
	shown := map[string]string{}
	for _, name := range shownHeaders {
		if value := h.Get(name); value != "" {
			shown[name] = value
		}
	}
	return shown
}
