package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Everything that is said can be told apart by its words alone, since the
// phones see nothing else. Each text of a contact is unique; each of ours
// begins with a label and quotes what it answers:
//
//	T17 hello                         a contact, unasked
//	A8.2 why not? #18                 a contact, to question 2 of script 8
//	Q8.2: you said "…". And then?     script 8
//	E8: no answer: no reply. Thanks.  script 8 ends
//	N17: it is ready.                 another program
//	R: you wrote "…", "…".            the responder

func reply(text string) string {
	lines := strings.Split(text, "\n")
	return `R: you wrote "` + strings.Join(lines, `", "`) + `".`
}

func questionWords(script, n int, heard string) string {
	return fmt.Sprintf("Q%d.%d: %s And what comes next?", script, n, heard)
}

func endWords(script int, heard string) string {
	return fmt.Sprintf("E%d: %s Thank you.", script, heard)
}

func heardWords(answer string) string { return fmt.Sprintf(`you said "%s".`, answer) }

func unheardWords(ending string) string { return fmt.Sprintf("no answer: %s.", ending) }

func newsWords(n int) string { return fmt.Sprintf("N%d: it is ready.", n) }

var (
	labelForm  = regexp.MustCompile(`^(?:([QE])([0-9]+)(?:\.([0-9]+))?|R):`)
	answerForm = regexp.MustCompile(`^A([0-9]+)\.([0-9]+) `)
	quoteForm  = regexp.MustCompile(`"([^"]*)"`)
	endingForm = regexp.MustCompile(`: no answer: ([^.]*)\.`)
)

// A label says who of us speaks; the zero label, that nobody knows.
type label struct {
	kind   string // Q, E or R
	script int
	n      int // of a question
}

func labelOf(text string) label {
	m := labelForm.FindStringSubmatch(text)
	switch {
	case m == nil:
		return label{}
	case m[1] == "":
		return label{kind: "R"}
	}
	script, _ := strconv.Atoi(m[2]) // digits, says the form
	n, _ := strconv.Atoi(m[3])
	return label{m[1], script, n}
}

// answerOf is the question that a contact's text was written as an answer to; the
// zero label if it was written unasked.
func answerOf(text string) label {
	m := answerForm.FindStringSubmatch(text)
	if m == nil {
		return label{}
	}
	script, _ := strconv.Atoi(m[1])
	n, _ := strconv.Atoi(m[2])
	return label{"Q", script, n}
}

// endingOf is how the question before ended without an answer, if it did.
func endingOf(text string) string {
	if m := endingForm.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

func quotesOf(text string) []string {
	var quotes []string
	for _, m := range quoteForm.FindAllStringSubmatch(text, -1) {
		quotes = append(quotes, m[1])
	}
	return quotes
}
