package archive

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"parley/activities"
)

// A Hook hands records to a service of the user's own, and asks it for them. The
// service may keep and not tell.
type Hook struct {
	Hook activities.Hook
}

// How long the service may take: less than the activities, so that they can say
// what was wrong. What it tells, a contact or a person waits for.
const (
	storeTimeout = 15 * time.Second
	askTimeout   = 8 * time.Second
	eraseTimeout = time.Minute
)

type batch struct {
	Records []activities.Record `json:"records"`
}

// Store posts the records. The same records have the same idempotency key.
func (h Hook) Store(ctx context.Context, records []activities.Record) error {
	if len(records) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	body, err := json.Marshal(batch{records})
	if err != nil {
		return errors.New("posting to PARLEY_ARCHIVE_URL: a record is no valid JSON")
	}
	sum := sha256.Sum256(body)
	return h.Hook.Tell(ctx, "PARLEY_ARCHIVE_URL", hex.EncodeToString(sum[:]), json.RawMessage(body))
}

// Recent asks for the last messages of a conversation; none if the service does
// not tell.
func (h Hook) Recent(ctx context.Context, conversation string, n int) ([]activities.Record, error) {
	kept, err := h.ask(ctx, url.Values{"conversation": {conversation}, "limit": {strconv.Itoa(n)}})
	if err != nil {
		return nil, err
	}
	return recent(kept, conversation, n), nil
}

// Find asks for a message; ErrNoRecord if the service does not tell.
func (h Hook) Find(ctx context.Context, keyOrID string) (activities.Record, error) {
	w := want(keyOrID)
	if w.id == "" {
		return activities.Record{}, activities.ErrNoRecord
	}
	kept, err := h.ask(ctx, url.Values{"message": {w.key}})
	if err != nil {
		return activities.Record{}, err
	}
	return find(kept, w)
}

// An erasure asks the service to forget a conversation and those over other
// senders. Kind tells it from a batch.
type erasure struct {
	Kind         string `json:"kind"` // erase
	Conversation string `json:"conversation"`
}

// Erase asks the service to forget. It must say how many records that were: one
// that knows nothing of erasing may well answer 200 to a batch without records,
// and must not be taken for one that has forgotten. Each call has a key of its
// own, since what was stored after an earlier one is to be forgotten too.
func (h Hook) Erase(ctx context.Context, conversation string) (records int, err error) {
	if conversation == "" {
		return 0, errNoConversation
	}
	ctx, cancel := context.WithTimeout(ctx, eraseTimeout)
	defer cancel()
	status, answer, err := h.Hook.Post(ctx, rand.Text(), erasure{"erase", conversation})
	switch {
	case err != nil:
		return 0, fmt.Errorf("erasing at PARLEY_ARCHIVE_URL: %w", err)
	case status < 200 || status > 299:
		return 0, fmt.Errorf("erasing at PARLEY_ARCHIVE_URL: it answered HTTP %d", status)
	}
	var told struct {
		Erased *int `json:"erased"`
	}
	if err := json.Unmarshal(answer, &told); err != nil || told.Erased == nil || *told.Erased < 0 {
		return 0, errors.New(`erasing at PARLEY_ARCHIVE_URL: it did not answer {"erased": <number of records>}, so it may not know how to forget`)
	}
	return *told.Erased, nil
}

// ask does not quote the answer in its errors: it holds what people wrote.
func (h Hook) ask(ctx context.Context, query url.Values) ([]activities.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, answer, err := h.Hook.Get(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("asking PARLEY_ARCHIVE_URL: %w", err)
	}
	return understood(status, answer)
}

// understood reads what the service tells.
func understood(status int, answer []byte) ([]activities.Record, error) {
	switch status {
	case http.StatusOK:
	case http.StatusNoContent, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return nil, nil
	default:
		return nil, fmt.Errorf("asking PARLEY_ARCHIVE_URL: %s", activities.Answered(status))
	}
	var told batch
	if err := json.Unmarshal(answer, &told); err != nil {
		return nil, errors.New(`asking PARLEY_ARCHIVE_URL: its answer is not like {"records":[…]}`)
	}
	return told.Records, nil
}
