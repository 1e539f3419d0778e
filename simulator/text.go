package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"parley/sinch/sinchtest"
	"parley/sms"
)

type textCmd struct {
	From sms.Number `required:"" placeholder:"+1…" help:"The phone that writes; it need not exist yet."`
	To   sms.Sender `placeholder:"+1…" help:"Which of our numbers it writes to; default: the one that texted it last."`
	Addr string     `default:"127.0.0.1:8090" env:"PARLEY_SIMULATOR_ADDR" help:"Where the simulator listens."`
	JSON bool       `help:"Print the whole message as JSON."`

	Message string `arg:"" help:"What it writes."`
}

// Run prints the id of the message.
func (c *textCmd) Run(ctx context.Context, stdout io.Writer) error {
	body, err := json.Marshal(map[string]any{"text": c.Message, "to": c.To})
	if err != nil {
		return fmt.Errorf("encoding the text: %w", err)
	}
	base := c.Addr
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	target := strings.TrimSuffix(base, "/") + "/phones/" + url.PathEscape(string(c.From)) + "/messages"
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("PARLEY_SIMULATOR_ADDR is no address: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no simulator at %s: start one, or set PARLEY_SIMULATOR_ADDR", c.Addr)
	case err != nil:
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err // without the URL, which holds the number
		}
		return fmt.Errorf("asking the simulator: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the simulator's answer: %w", err)
	}
	if response.StatusCode != http.StatusAccepted {
		var complaint struct{ Error string }
		if json.Unmarshal(answer, &complaint) == nil && complaint.Error != "" {
			return errors.New(complaint.Error)
		}
		return fmt.Errorf("the simulator answered %s", response.Status)
	}
	if c.JSON {
		_, err = fmt.Fprintf(stdout, "%s\n", bytes.TrimSpace(answer))
		return err
	}
	var message sinchtest.Message
	if err := json.Unmarshal(answer, &message); err != nil {
		return fmt.Errorf("reading the simulator's answer: %w", err)
	}
	_, err = fmt.Fprintln(stdout, message.ID)
	return err
}
