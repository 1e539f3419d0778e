package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"parley/internal/stack"
)

// A line is one message as the phone shows it.
type line struct {
	Direction string `json:"direction"`
	Text      string `json:"text"`
}

// play plays both flows over real HTTP, prints the dialogue as it happens, and
// fails if it is not the expected one.
func play(ctx context.Context) error {
	if err := buildDevserver(ctx); err != nil {
		return err
	}
	if err := build(ctx, "worker", "webhook", "parley", "simulator"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "parley-play-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	i, err := stack.Plan(bin, dir, false)
	if err != nil {
		return err
	}
	defer i.Stop()
	if _, err := start(ctx, i, ""); err != nil {
		return err
	}

	fmt.Println("The company writes first:")
	if err := parley(ctx, i, "appointment", "--id", "A-17", "--to", phone, "--name", "Ana", "--business", "Harbor Dental",
		"--start", "2036-03-04T15:00:00+01:00", "--zone", "Europe/Berlin", "--now"); err != nil {
		return err
	}
	if err := dialogue(ctx, i, phone,
		"we:   Hi Ana, this is Harbor Dental. We expect you on Tuesday, March 4 at 3:00 PM. Does that suit you? Reply YES to confirm, or tell us if you need to reschedule.",
		"they: Can we reschedule?",
		"we:   No problem. Harbor Dental will get in touch to find another time.",
	); err != nil {
		return err
	}

	fmt.Println("\nA customer writes first:")
	return dialogue(ctx, i, "+12025550143",
		"they: Where is my order?",
		`we:   Thanks for your message! You said: "Where is my order?"`,
	)
}

// dialogue types what "they" say on a phone, and waits for what "we" say.
func dialogue(ctx context.Context, i *stack.Installation, number string, lines ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	messages := i.Sinch + "/phones/" + url.PathEscape(number) + "/messages"
	seen := 0
	for _, expected := range lines {
		if text, theirs := strings.CutPrefix(expected, "they: "); theirs {
			if err := stack.Post(ctx, messages, map[string]string{"text": text}); err != nil {
				return err
			}
		}
		got, err := next(ctx, messages, seen)
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", expected, err)
		}
		fmt.Println(got)
		if got != expected {
			return fmt.Errorf("expected %q", expected)
		}
		seen++
	}
	return nil
}

// next waits until the phone shows more than seen messages, and returns that one.
func next(ctx context.Context, messages string, seen int) (string, error) {
	for {
		body, err := stack.Fetch(ctx, messages)
		if err != nil {
			return "", err
		}
		var phone struct {
			Messages []line `json:"messages"`
		}
		if err := json.Unmarshal(body, &phone); err != nil {
			return "", fmt.Errorf("reading the phone: %w", err)
		}
		lines := phone.Messages
		if len(lines) > seen {
			who := "we:   "
			if lines[seen].Direction == "TO_APP" {
				who = "they: "
			}
			return who + lines[seen].Text, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
