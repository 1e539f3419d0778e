package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// pingCmd is for health checks of containers, where there is no curl.
type pingCmd struct {
	URL string `arg:"" placeholder:"URL" help:"Such as http://127.0.0.1:9090/readyz of a worker on this machine, or http://127.0.0.1:8080/readyz of a webhook."`
}

func (pingCmd) Help() string {
	return `The exit code is 0 if the answer is 2xx, else 1. Made for a container's health check: the image has neither a shell nor curl.`
}

// Run asks once.
func (c *pingCmd) Run(ctx context.Context, a *app) error {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil || request.URL.Host == "" {
		return usagef("<url> must be a whole URL, such as http://127.0.0.1:9090/readyz")
	}
	// What is asked is near: no proxy of the environment is between.
	response, err := (&http.Client{Transport: &http.Transport{}}).Do(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("asking %s: no answer within %s", c.URL, a.Timeout)
	case err != nil:
		return fmt.Errorf("asking: %w", err)
	}
	_ = response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("asking %s: %s", c.URL, response.Status)
	}
	return a.print(pong{Status: response.StatusCode})
}

// A pong is that somebody is there and well.
type pong struct {
	Status int `json:"status"`
}

func (p pong) text(w io.Writer, _ *time.Location) { fmt.Fprintln(w, "ok") }
