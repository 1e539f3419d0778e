package livecheck

import (
	"fmt"
	"strings"
)

// A Verdict is what became of an assumption.
type Verdict string

// The verdicts.
const (
	AsBelieved Verdict = "as we believe"
	Other      Verdict = "other reading"
	NotSeen    Verdict = "not seen"
	NotProbed  Verdict = "not probed"
)

// A Result is what was found out about one assumption.
type Result struct {
	Number     int      `json:"number"` // in docs/sinch.md
	Assumption string   `json:"assumption"`
	Reading    string   `json:"reading,omitempty"` // of Other: the simulator's field and value, or words
	Verdict    Verdict  `json:"verdict"`
	Fact       string   `json:"fact"`               // what was measured, or why nothing was
	Evidence   []string `json:"evidence,omitempty"` // where in the report: "callbacks[2]"
}

// Says is the verdict with the reading or the reason.
func (r Result) Says() string {
	switch r.Verdict {
	case Other:
		return fmt.Sprintf("%s: %s", r.Verdict, r.Reading)
	case NotProbed:
		return fmt.Sprintf("%s (%s)", r.Verdict, r.Fact)
	case AsBelieved, NotSeen:
	}
	return string(r.Verdict)
}

// A finding is a result in the making.
type finding struct {
	readings []reading // other than believed
	unseen   bool
	fact     string
	evidence []string
}

// A reading is another one than believed. The simulator can be told those that
// have a field.
type reading struct {
	field string
	value any
	words string
}

func (r reading) String() string {
	if r.field == "" {
		return r.words
	}
	return fmt.Sprintf("%s=%v", r.field, r.value)
}

// otherwise is a reading that the simulator knows.
func otherwise(field string, value any) reading { return reading{field: field, value: value} }

// inWords is a reading that it does not know.
func inWords(words string) reading { return reading{words: words} }

// settle notes what was found out about an assumption, if that was asked for.
func (r *Run) settle(number int, f finding) {
	result, asked := r.results[number]
	if !asked {
		return
	}
	result.Fact, result.Evidence = f.fact, f.evidence
	switch {
	case f.unseen:
		result.Verdict = NotSeen
	case len(f.readings) > 0:
		result.Verdict = Other
		var words []string
		for _, reading := range f.readings {
			words = append(words, reading.String())
			if reading.field != "" {
				r.readings[reading.field] = reading.value
			}
		}
		result.Reading = strings.Join(words, ", ")
	default:
		result.Verdict = AsBelieved
	}
	r.results[number] = result
}

// unseen says that nothing told which reading is right.
func (r *Run) unseen(fact string, numbers ...int) {
	for _, number := range numbers {
		r.settle(number, finding{unseen: true, fact: fact})
	}
}

// unprobed says why an assumption was not looked at.
func (r *Run) unprobed(why string, numbers ...int) {
	for _, number := range numbers {
		if result, asked := r.results[number]; asked {
			result.Verdict, result.Fact = NotProbed, why
			r.results[number] = result
		}
	}
}

// open reports whether an assumption is asked for and nothing is known of it yet.
func (r *Run) open(number int) bool {
	result, asked := r.results[number]
	return asked && result.Verdict == NotProbed
}
