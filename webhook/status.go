package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.temporal.io/api/serviceerror"

	"parley/conversation/wire"
	"parley/sms"
)

// question is the body of POST /messages/status. It is a POST because a number in
// a URL would stand in access logs.
type question struct {
	To   string `json:"to"`
	From string `json:"from"`
	ID   string `json:"id"` // the idempotency key
}

// fate is the body of its answer: what became of a message, and none of its words.
type fate struct {
	ID         string     `json:"id"`
	Status     sms.Status `json:"status"`
	Reason     string     `json:"reason,omitempty"`
	Key        string     `json:"key,omitempty"`        // as parley proof takes it
	MessageID  string     `json:"message_id,omitempty"` // the carrier's
	QueuedAt   time.Time  `json:"queued_at,omitzero"`
	AcceptedAt time.Time  `json:"accepted_at,omitzero"` // by the carrier
	StatusAt   time.Time  `json:"status_at,omitzero"`
}

// statusRefused is that of a message which its conversation did not take.
const statusRefused sms.Status = "refused"

func (a API) status(c echo.Context) error {
	body, status, err := readJSON(c)
	if err != nil {
		return a.refuse(c, status, err)
	}
	contact, sender, id, err := a.readQuestion(body)
	if err != nil {
		return a.refuse(c, http.StatusBadRequest, err)
	}
	ctx, cancel := lasting(c.Request().Context())
	defer cancel()
	found, known, err := a.Conversations.Requested(ctx, contact, sender, id)
	var nobody *serviceerror.NotFound
	switch {
	case errors.As(err, &nobody):
		return refuse(c, http.StatusNotFound, "there is no conversation with this contact, or it closed too long ago")
	case err != nil:
		a.Log.Warn("a conversation could not be asked", "contact", a.Conversations.Tag(contact), "id", id, "result", unavailable, "error", err)
		return tryLater(c, "the conversation did not answer; it needs Temporal and a running worker")
	}
	switch {
	case !known:
		return refuse(c, http.StatusNotFound, "the conversation remembers no message with this id")
	case found.Refused != "":
		return c.JSON(http.StatusOK, fate{ID: id, Status: statusRefused, Reason: found.Refused})
	case found.Last == nil:
		return refuse(c, http.StatusNotFound, fmt.Sprintf("so much was said since that the conversation no longer holds this message; parley proof %s looks further", found.Key))
	}
	return c.JSON(http.StatusOK, tell(id, found))
}

func tell(id string, found wire.Requested) fate {
	m := found.Last
	return fate{
		ID: id, Status: m.Status, Reason: m.Reason, Key: found.Key, MessageID: m.MessageID,
		QueuedAt: m.At, AcceptedAt: m.Accepted, StatusAt: m.StatusAt,
	}
}

func (a API) readQuestion(body []byte) (sms.Number, sms.Sender, string, error) {
	var q question
	if err := decode(body, &q, `{"to":"+15551234567","id":"…"}, with "from" if you sent with it and nothing else, all of them strings`); err != nil {
		return "", "", "", err
	}
	contact, sender, err := a.address(q.To, q.From)
	switch {
	case err != nil:
		return "", "", "", err
	case q.ID == "" || !isKey(q.ID):
		return "", "", "", errors.New(`"id" must be the ` + keyHeader + ` of a message`)
	}
	return contact, sender, q.ID, nil
}
