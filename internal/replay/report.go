package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"

	"parley/sms"
)

// A Report is what became of all histories.
type Report struct {
	From  string   `json:"from"` // where they come from
	Types []*Count `json:"types"`
	First *Finding `json:"first,omitempty"` // of what would break
	Saved int      `json:"saved,omitempty"`

	mutex sync.Mutex
}

// A Count is what became of the histories of one type.
type Count struct {
	Type      string         `json:"type"`
	Open      int            `json:"open"`
	Closed    int            `json:"closed"`
	OK        int            `json:"ok"`
	Broken    int            `json:"broken"`
	Skipped   map[string]int `json:"skipped,omitempty"`   // by reason
	Elsewhere int64          `json:"elsewhere,omitempty"` // open on other task queues, and not replayed
	First     *Finding       `json:"first,omitempty"`     // of what would break
	Findings  []*Finding     `json:"findings,omitempty"`
	NotSaved  []*Finding     `json:"not_saved,omitempty"`
}

// A Finding is something about one run.
type Finding struct {
	Type       string `json:"type"`
	WorkflowID string `json:"workflow_id,omitempty"` // masked: it may hold a number
	RunID      string `json:"run_id,omitempty"`
	File       string `json:"file,omitempty"`
	Open       bool   `json:"open"`
	Break

	place int // in the order of the list, since several are replayed at a time
}

// Name is what to look a run up by.
func (f *Finding) Name() string {
	if f.File != "" {
		return f.File
	}
	return fmt.Sprintf("%s, run %s", f.WorkflowID, f.RunID)
}

// Of is the count of a type.
func (r *Report) Of(workflowType string) *Count {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.of(workflowType)
}

func (r *Report) of(workflowType string) *Count {
	for _, c := range r.Types {
		if c.Type == workflowType {
			return c
		}
	}
	c := &Count{Type: workflowType, Skipped: map[string]int{}}
	r.Types = append(r.Types, c)
	return c
}

// Record counts a run that was replayed; b is nil if the build would go on with it.
func (r *Report) Record(place int, run Run, file string, b *Break) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	c := r.of(run.Type)
	if run.Open {
		c.Open++
	} else {
		c.Closed++
	}
	if b == nil {
		c.OK++
		return
	}
	c.Broken++
	f := finding(place, run, file, *b)
	c.Findings = append(c.Findings, f)
	slices.SortFunc(c.Findings, func(a, b *Finding) int { return cmp.Compare(a.place, b.place) })
	c.First = c.Findings[0]
	if r.First == nil || f.place < r.First.place {
		r.First = f
	}
}

func finding(place int, run Run, file string, b Break) *Finding {
	return &Finding{Type: run.Type, WorkflowID: sms.Mask(run.WorkflowID), RunID: run.RunID, File: file, Open: run.Open, Break: b, place: place}
}

// Skip counts a run that was not replayed.
func (r *Report) Skip(run Run, why string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.of(run.Type).Skipped[why]++
}

// Save counts a history that was saved, or why it was not.
func (r *Report) Save(place int, run Run, file string, b *Break) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if b == nil {
		r.Saved++
		return
	}
	c := r.of(run.Type)
	c.NotSaved = append(c.NotSaved, finding(place, run, file, *b))
}

// Totals are how many were replayed, and how many of them would break.
func (r *Report) Totals() (replayed, broken int) {
	for _, c := range r.Types {
		replayed += c.OK + c.Broken
		broken += c.Broken
	}
	return replayed, broken
}

// Write tells a person.
func (r *Report) Write(w io.Writer) error {
	out := &printer{w: w}
	out.f("Replayed on this build, from %s:\n\n", r.From)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "  workflow\topen\tclosed\tok\twould break\tskipped")
	for _, c := range r.Types {
		skipped := 0
		for _, n := range c.Skipped {
			skipped += n
		}
		fmt.Fprintf(table, "  %s\t%d\t%d\t%d\t%d\t%d\n", c.Type, c.Open, c.Closed, c.OK, c.Broken, skipped)
	}
	out.keep(table.Flush())
	out.f("\n")
	for _, c := range r.Types {
		for _, why := range slices.Sorted(maps.Keys(c.Skipped)) {
			out.f("%d of %s skipped: %s\n", c.Skipped[why], c.Type, why)
		}
		if c.Elsewhere > 0 {
			out.f("%d open %s on other task queues were not replayed; if they are meant, set TEMPORAL_TASK_QUEUE\n", c.Elsewhere, c.Type)
		}
		if len(c.NotSaved) > 0 {
			f := c.NotSaved[0]
			out.f("%d of %s not saved, the first is %s: %s\n", len(c.NotSaved), c.Type, f.Name(), f.What)
		}
	}
	if replayed, _ := r.Totals(); replayed == 0 {
		out.f("There was nothing to replay. If that is a surprise, check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_TASK_QUEUE.\n")
	}
	if r.Saved > 0 {
		out.f("%d saved, made anonymous.\n", r.Saved)
	}
	for _, c := range r.Types {
		if c.First != nil {
			out.finding(c.First, c.Broken)
		}
	}
	if r.First != nil {
		out.f("\nDo not deploy this build before it goes on with them: docs/changing-scripts.md tells how to change what is running.\n")
	}
	return out.err
}

// WriteJSON tells a program.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *printer) f(format string, args ...any) {
	_, err := fmt.Fprintf(p.w, format, args...)
	p.keep(err)
}

func (p *printer) finding(f *Finding, of int) {
	state := "closed"
	if f.Open {
		state = "open"
	}
	p.f("\nThe first %s of %d that would break (%s):\n", f.Type, of, state)
	if f.File != "" {
		p.f("  file      %s\n", f.File)
	}
	if f.WorkflowID != "" {
		p.f("  workflow  %s\n", f.WorkflowID)
	}
	if f.RunID != "" {
		p.f("  run       %s\n", f.RunID)
	}
	if f.Event != 0 {
		p.f("  event     %d\n", f.Event)
	}
	p.f("  why       %s\n", f.What)
}
