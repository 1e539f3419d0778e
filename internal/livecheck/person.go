package livecheck

import (
	"context"
	"time"
)

// A Person holds the phone. A Run asks one thing after the other.
type Person interface {
	// Tell says what needs no answer.
	Tell(words string)
	// Do says what to do, or what is waited for, and how long that may take. The
	// context ends when the wait is over. The channel is closed if the person does
	// not want to wait.
	Do(ctx context.Context, words string, within time.Duration) (skipped <-chan struct{})
	// Ask puts a question that is answered by yes or no.
	Ask(ctx context.Context, question string) Reply
}

// A Reply is what a person says to a question.
type Reply string

// The replies.
const (
	Yes     Reply = "yes"
	No      Reply = "no"
	Unknown Reply = "unknown" // neither, or nobody is there to say it
)
