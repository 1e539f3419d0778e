package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// print writes the table, what was broken, and as the last line the figures as
// JSON.
func (v *verdict) print(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name string, value any, means string) {
		_, _ = fmt.Fprintf(table, "%s\t%v\t%s\n", name, value, means)
	}
	_, _ = fmt.Fprintf(table, "%s mode\t\t\n", v.Mode)
	row("texts_in", v.TextsIn, "texts from phones")
	row("answered", v.Answered, "of these, quoted by a text of ours")
	row("lost", v.Lost, "acknowledged, and never answered")
	row("sent", v.Sent, "texts that the carrier accepted")
	row("doubled", v.Doubled, fmt.Sprintf("the same thing said again; %d of them resent by policy", v.excused))
	row("disordered", v.Disordered, "answered behind a text that came later")
	row("wrong_answers", v.WrongAnswers, "given to another question, or to the responder")
	row("misread", v.Misread, "answers that the contact wrote to a question on the phone, taken for something else")
	row("after_stop", v.AfterStop, "requests begun over 350ms after the 200 for a STOP, but one confirmation")
	row("", delays(v.afterStop), "")
	row("late_confirmations", v.LateConfirmations, "after the contact's START, after five minutes, or never")
	row("door", v.Door, "rightly signed callbacks answered 5xx while Temporal was up")
	row("memory", v.Memory, fmt.Sprintf("MB, the most a webhook used while strangers filled it; at most %d", mostMemory))
	row("stuck", v.Stuck, "scripts, conversations and texts that did not come to an end")
	row("parked", v.Parked, "left for a person")
	row("unknown", v.Unknown, "sent again because nobody could know")
	row("leaks", v.Leaks, "files in which a number or a text stands; looked for with -private")
	row("kills", v.Kills, "of workers, webhooks, scripts and the server")
	row("continued", v.Continued, "conversations that continued as new")
	row("closed", v.Closed, "conversations that closed")
	row("seconds", v.Seconds, "in all")
	row("seed", v.Seed, "repeats the faults: -seed")
	_ = table.Flush()

	if len(v.broken) > 0 {
		_, _ = fmt.Fprintf(out, "\nBROKEN: %s\n", strings.Join(v.broken, ", "))
		for _, promise := range v.broken {
			for _, example := range v.examples[promise] {
				_, _ = fmt.Fprintf(out, "  %s: %s\n", promise, example)
			}
		}
		_, _ = fmt.Fprintf(out, "The logs and the server's database are in %s\n", v.logs)
	}
	raw, err := json.Marshal(v.figures)
	if err != nil {
		panic(fmt.Sprintf("encoding figures: %v", err)) // numbers and words always encode
	}
	_, _ = fmt.Fprintf(out, "%s\n", raw)
}
