package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"go.temporal.io/sdk/client"

	"parley/sinch"
)

// hook takes callbacks and signals the workflow of the number they are about.
type hook struct {
	temporal client.Client
	workflow string
}

// callback is what the floor needs to know of one.
type callback struct {
	Message *struct {
		ID              string   `json:"id"`
		ChannelIdentity identity `json:"channel_identity"`
		ContactMessage  struct {
			TextMessage struct {
				Text string `json:"text"`
			} `json:"text_message"`
		} `json:"contact_message"`
	} `json:"message"`
	Report *struct {
		MessageID       string   `json:"message_id"`
		Status          string   `json:"status"`
		ChannelIdentity identity `json:"channel_identity"`
	} `json:"message_delivery_report"`
}

type identity struct {
	Channel  string `json:"channel"`
	Identity string `json:"identity"`
}

// event is the one signal: a text, a receipt, or what a script wants said.
type event struct {
	Kind   string `json:"kind"`
	ID     string `json:"id,omitempty"`
	Text   string `json:"text,omitempty"`
	Status string `json:"status,omitempty"`
	Script string `json:"script,omitempty"` // who wants the answer
}

const (
	kindText    = "text"
	kindReceipt = "receipt"
	kindAsk     = "ask"
	signalName  = "event"
)

func (h hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256<<10))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if err := sinch.Verify(r.Header, body, []string{os.Getenv("SINCH_WEBHOOK_SECRET")}, time.Now(), 5*time.Minute); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var c callback
	if err := json.Unmarshal(body, &c); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	switch {
	case c.Message != nil:
		e := event{Kind: kindText, ID: c.Message.ID, Text: c.Message.ContactMessage.TextMessage.Text}
		err = tell(r.Context(), h.temporal, h.workflow, "+"+c.Message.ChannelIdentity.Identity, e)
	case c.Report != nil && (c.Report.Status == "DELIVERED" || c.Report.Status == "FAILED"):
		e := event{Kind: kindReceipt, ID: c.Report.MessageID, Status: c.Report.Status}
		err = h.temporal.SignalWorkflow(r.Context(), workflowID("+"+c.Report.ChannelIdentity.Identity), "", signalName, e)
	}
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func workflowID(contact string) string { return "floor:" + contact }

// tell brings an event to a number's workflow and starts that if it is not running.
func tell(ctx context.Context, temporal client.Client, workflow, contact string, e event) error {
	_, err := temporal.SignalWithStartWorkflow(ctx, workflowID(contact), signalName, e,
		client.StartWorkflowOptions{ID: workflowID(contact), TaskQueue: taskQueue}, workflow, contact)
	return err
}

func serve(ctx context.Context, h hook) error {
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/sinch", h)
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", os.Getenv("PARLEY_WEBHOOK_ADDR"))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}
