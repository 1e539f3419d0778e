package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	conversations "parley/conversation/client"
	"parley/internal/wording"
	"parley/sms"
	"parley/sms/numbers"
)

// consents are the lines of the list of who opted out.
type consents []conversations.OptOut

func (c consents) text(w io.Writer, _ *time.Location) { _ = writeConsents(w, c) }

// The columns, in the order in which they are written.
var columns = []string{"number", "sender", "date", "source", "words"}

func writeConsents(w io.Writer, all []conversations.OptOut) error {
	out := csv.NewWriter(w)
	_ = out.Write(columns)
	for _, c := range all {
		words := strings.ReplaceAll(c.Words, "\r\n", "\n") // as CSV's readers do
		_ = out.Write([]string{string(c.Number), guardSender(c.Sender), c.Date.UTC().Format(time.RFC3339Nano), guard(wording.Printable(c.Source)), guard(wording.Printable(words))})
	}
	out.Flush()
	return out.Error() // of any of them
}

// readConsents reads the lines, and says of each bad one why it is. Its error is
// about the whole.
func readConsents(r io.Reader, now time.Time) (good []conversations.OptOut, bad []error, err error) {
	buffered := bufio.NewReader(r)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, []byte("\ufeff")) { // spreadsheets write one
		_, _ = buffered.Discard(3)
	}
	in := csv.NewReader(buffered)
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the list: %w", err)
	}
	fields, err := fieldsOf(header)
	if err != nil {
		return nil, nil, err
	}
	for {
		row, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return good, bad, nil
		case err != nil:
			return nil, nil, fmt.Errorf("reading the list: %w", err) // where the next line begins is anybody's guess
		}
		line, _ := in.FieldPos(0)
		c, err := fields.consent(row, now)
		if err != nil {
			bad = append(bad, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		good = append(good, c)
	}
}

// fields are the places of the columns.
type fields map[string]int

// fieldsOf wants every column known: a misspelt "sender" would mean the default one.
func fieldsOf(header []string) (fields, error) {
	f := fields{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := f[name]; twice || !slices.Contains(columns, name) {
			return nil, fmt.Errorf("line 1: column %q is not understood, or there twice: the first line names the columns, which are %s", name, strings.Join(columns, ","))
		}
		f[name] = i
	}
	for _, name := range []string{"number", "date", "source"} {
		if _, named := f[name]; !named {
			return nil, fmt.Errorf("line 1: there is no column %q: the first line names the columns, at least number,date,source", name)
		}
	}
	return f, nil
}

const (
	longestSource = 200 // bytes: it is part of an event's id
	longestWords  = 10_000
	clocksDiffer  = time.Hour
)

func (f fields) consent(row []string, now time.Time) (conversations.OptOut, error) {
	if len(row) != len(f) {
		return conversations.OptOut{}, fmt.Errorf("it has %d fields, and the first line has %d", len(row), len(f))
	}
	cell := func(name string) string {
		if i, named := f[name]; named {
			return unguard(row[i])
		}
		return ""
	}
	number, err := numbers.Parse(cell("number"))
	if err != nil {
		return conversations.OptOut{}, err
	}
	date, err := parseTime(cell("date"))
	if err != nil {
		return conversations.OptOut{}, err
	}
	c := conversations.OptOut{Number: number, Sender: numbers.ParseSender(strings.TrimSpace(cell("sender"))), Date: date, Source: strings.TrimSpace(cell("source")), Words: cell("words")}
	switch {
	case date.After(now.Add(clocksDiffer)):
		return c, errors.New("its date is in the future")
	case date.Year() < 1990:
		return c, errors.New("its date is older than text messages are")
	case c.Source == "":
		return c, errors.New("it has no source: say where the contact said so")
	case len(c.Source) > longestSource:
		return c, fmt.Errorf("its source is longer than %d bytes", longestSource)
	case strings.Contains(string(c.Sender), ":") || len(c.Sender) > 20:
		return c, errors.New("its sender is no number, short code or name")
	case len(c.Words) > longestWords:
		return c, fmt.Errorf("its words are longer than %d bytes", longestWords)
	}
	return c, nil
}

// guard keeps a spreadsheet from taking what a stranger wrote for a formula: it
// reads a cell that begins with ' as text. A number's own plus is harmless.
func guard(s string) string {
	if dangerous(s) {
		return "'" + s
	}
	return s
}

func unguard(s string) string {
	if rest, marked := strings.CutPrefix(s, "'"); marked && dangerous(rest) {
		return rest
	}
	return s
}

// dangerous is also true for what begins like a guard, so that exactly one is
// taken away again.
func dangerous(s string) bool {
	begins := strings.TrimLeftFunc(s, unicode.IsSpace)
	return begins != "" && strings.ContainsRune("=+-@'|%＝＋－＠", []rune(begins)[0]) || s != "" && strings.ContainsRune("\t\r\n", rune(s[0]))
}

func guardSender(s sms.Sender) string {
	if _, err := sms.NumberOf(string(s)); err == nil {
		return string(s)
	}
	return guard(string(s))
}
