package doctor

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"parley/internal/wording"
	"parley/sinch"
)

// client is Sinch's, or nil and the settings that it lacks.
func (e *examination) client() (*sinch.Client, string, error) {
	config := e.access.Config(e.sinchApp, e.Parameters)
	config.RequestTimeout = e.Timeout
	var missing []string
	for _, name := range []string{"SINCH_PROJECT_ID", "SINCH_APP_ID", "SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET"} {
		if !e.isSet(name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, strings.Join(missing, ", "), nil
	}
	c, err := sinch.NewClient(config)
	return c, "", err
}

func (e *examination) examineApp(ctx context.Context) []Finding {
	const check = "Sinch's app"
	client, missing, err := e.client()
	switch {
	case err != nil:
		return []Finding{failed(check, "mend the setting", "%v", err)}
	case missing != "":
		return []Finding{warned(check, "set it here to have the app and its webhooks looked at", "not set here: %s", missing)}
	}
	app, err := client.App(ctx)
	if err != nil {
		return []Finding{failedAtSinch(check, err)}
	}
	found := []Finding{fine(check, "%s in region %s, in %s mode; the access key is taken", cmp.Or(app.Name, app.ID), cmp.Or(strings.ToLower(e.access.Region), "us"), app.ProcessingMode)}
	return append(found, examineChannel(app), e.examineList(app))
}

// failedAtSinch tells apart what Sinch answers from what there is to do.
func failedAtSinch(check string, err error) Finding {
	if answer, ok := errors.AsType[*sinch.Error](err); ok {
		return failed(check, cmp.Or(answer.Detail, "try again; see docs/sinch.md, When it does not work"), "Sinch's answer: %s", answer.Code)
	}
	return failed(check, "see docs/sinch.md, When it does not work", "%v", err)
}

func examineChannel(app sinch.App) Finding {
	const check = "Sinch's SMS channel"
	const advice = "add the SMS channel to the app, with the service plan of your numbers"
	channel, has := app.Channel("SMS")
	switch {
	case !has:
		return failed(check, advice, "the app has none: no text leaves")
	case channel.Status == "FAILING":
		return failed(check, "look at the channel in Sinch's dashboard", "failing: %s", channel.Detail)
	case channel.Status != "" && channel.Status != "ACTIVE":
		return warned(check, "look at the channel in Sinch's dashboard", "%s %s", channel.Status, channel.Detail)
	}
	return fine(check, "active")
}

func (e *examination) examineList(app sinch.App) Finding {
	const check = "Sinch's message list"
	switch app.Source() {
	case sinch.ConversationSource:
		return fine(check, "kept for %s: it settles doubts, and backfill reads it", wording.Counted(app.RetentionDays, "day"))
	case sinch.DispatchSource:
		return fine(check, "kept for %s: it settles doubts, and backfill reads it", wording.Counted(app.DispatchRetentionDays, "day"))
	}
	return warned(check, "set the app to CONVERSATION mode, or give it a dispatch retention of a day or more; without, set SINCH_RECEIPTS=all",
		"Sinch keeps none: a text in doubt may be sent twice, and missed texts cannot be brought in")
}
