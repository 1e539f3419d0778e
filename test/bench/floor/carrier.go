package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/oauth2/clientcredentials"
)

// carrier posts texts with one token, which outlives any measurement.
type carrier struct {
	http  *http.Client
	url   string
	token string
}

func newCarrier(ctx context.Context) (*carrier, error) {
	config := clientcredentials.Config{
		ClientID: os.Getenv("SINCH_ACCESS_KEY"), ClientSecret: os.Getenv("SINCH_ACCESS_KEY_SECRET"),
		TokenURL: os.Getenv("SINCH_AUTH_URL") + "/oauth2/token",
	}
	token, err := config.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching a token: %w", err)
	}
	return &carrier{
		http:  &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
		url:   os.Getenv("SINCH_API_URL") + "/v1/projects/" + os.Getenv("SINCH_PROJECT_ID") + "/messages:send",
		token: token.AccessToken,
	}, nil
}

func (c *carrier) send(ctx context.Context, m outbound) (string, error) {
	body, err := json.Marshal(map[string]any{
		"app_id": os.Getenv("SINCH_APP_ID"),
		"recipient": map[string]any{"identified_by": map[string]any{
			"channel_identities": []identity{{Channel: "SMS", Identity: m.To}},
		}},
		"message": map[string]any{"text_message": map[string]string{"text": m.Text}},
	})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := c.http.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the carrier answered HTTP %d", response.StatusCode)
	}
	var accepted struct {
		MessageID string `json:"message_id"`
	}
	return accepted.MessageID, json.Unmarshal(answer, &accepted)
}
