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
//	E8: you said "…". Thank you.      script 8 ends
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

func heardWords(answer string) string {
	if answer == "" {
		return "no answer."
	}
	return fmt.Sprintf(`you said "%s".`, answer)
}

var (
	labelForm = regexp.MustCompile(`^(?:([QE])([0-9]+)(?:\.([0-9]+))?|R):`)
	quoteForm = regexp.MustCompile(`"([^"]*)"`)
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

func quotesOf(text string) []string {
	var quotes []string
	for _, m := range quoteForm.FindAllStringSubmatch(text, -1) {
		quotes = append(quotes, m[1])
	}
	return quotes
}
