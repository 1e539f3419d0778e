package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What an installation on one machine uses where a real one has secrets.
const (
	ProjectID     = "c36f3d3d-1523-4edd-ae42-11995557ff61"
	AppID         = "01EB37HMH1M6SV18ABNS3G135H"
	Sender        = "+12065550100"
	WebhookSecret = "local-webhook-secret" //nolint:gosec // of the simulator
	APIToken      = "local-api-token"
)

// An Installation is all of Parley on this machine: a Temporal server, a
// webhook, a worker, and usually a simulator for Sinch.
type Installation struct {
	Bin      string            // folder with the programs
	Dir      string            // folder for logs and data
	Settings map[string]string // of webhook, worker and command line; more may be added before they start

	Address string // of Temporal
	UI      string // of Temporal, a URL
	Metrics string // of the Temporal server, a URL
	Webhook string // where Sinch's callbacks go, a URL
	API     string // for other programs, a URL
	Sinch   string // the simulator and its phones, a URL

	processes []*Process
	workers   int
}

// Plan chooses free ports, the usual ones if it can, and fills in the settings.
func Plan(bin, dir string, usual bool) (*Installation, error) {
	i := &Installation{Bin: bin, Dir: dir, Settings: map[string]string{}}
	wanted := []int{7233, 8233, 7234, 8080, 8081, 8090}
	at := make([]string, len(wanted))
	for n, port := range wanted {
		if !usual {
			port = 0
		}
		free, err := Port(port)
		if err != nil {
			return nil, err
		}
		at[n] = net.JoinHostPort("127.0.0.1", strconv.Itoa(free))
	}
	i.Address, i.UI, i.Metrics = at[0], "http://"+at[1], "http://"+at[2]+"/metrics"
	i.Webhook, i.API, i.Sinch = "http://"+at[3]+"/webhooks/sinch", "http://"+at[4], "http://"+at[5]
	maps.Copy(i.Settings, map[string]string{
		"TEMPORAL_ADDRESS":        i.Address,
		"SINCH_PROJECT_ID":        ProjectID,
		"SINCH_APP_ID":            AppID,
		"SINCH_SMS_SENDER":        Sender,
		"SINCH_ACCESS_KEY":        "local-key",
		"SINCH_ACCESS_KEY_SECRET": "local-key-secret",
		"SINCH_WEBHOOK_SECRET":    WebhookSecret,
		"SINCH_API_URL":           i.Sinch,
		"SINCH_AUTH_URL":          i.Sinch,
		"PARLEY_WEBHOOK_ADDR":     at[3],
		"PARLEY_API_ADDR":         at[4],
		"PARLEY_API_TOKEN":        APIToken,
		"PARLEY_SIMULATOR_ADDR":   at[5],
		"PARLEY_LOG_FORMAT":       "text",
	})
	return i, nil
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// StartServer starts the Temporal server: a `temporal` command line if its path
// is given, else the devserver.
func (i *Installation) StartServer(ctx context.Context, cli string, extra ...string) (*Process, error) {
	program := cli
	if program == "" {
		program = filepath.Join(i.Bin, "devserver")
	}
	metrics, err := url.Parse(i.Metrics)
	if err != nil {
		return nil, fmt.Errorf("planning the server: %w", err)
	}
	args := append([]string{"server", "start-dev", "--port", port(i.Address), "--ui-port", port(i.UI), "--metrics-port", metrics.Port(), "--log-level", "error"}, extra...)
	return i.run(ctx, "temporal", program, nil, func(ctx context.Context) bool {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", i.Address)
		return err == nil && connection.Close() == nil
	}, args...)
}

// StartSimulator starts the phones, and a Sinch that calls our webhook.
func (i *Installation) StartSimulator(ctx context.Context, args ...string) (*Process, error) {
	args = append([]string{"serve", "--webhook", i.Webhook}, args...)
	return i.run(ctx, "simulator", filepath.Join(i.Bin, "simulator"), i.Settings, func(ctx context.Context) bool { return Answers(ctx, i.Sinch+"/phones") }, args...)
}

// StartWebhook starts the webhook and waits until it reaches Temporal.
func (i *Installation) StartWebhook(ctx context.Context) (*Process, error) {
	ready := strings.TrimSuffix(i.Webhook, "/webhooks/sinch") + "/readyz"
	settings := maps.Clone(i.Settings)
	settings["PARLEY_METRICS_ADDR"] = "127.0.0.1:0"
	return i.run(ctx, "webhook", filepath.Join(i.Bin, "webhook"), settings, func(ctx context.Context) bool { return Answers(ctx, ready) })
}

// StartWorker starts one more worker and waits until it says that it is ready.
func (i *Installation) StartWorker(ctx context.Context) (*Process, error) {
	i.workers++
	name := "worker-" + strconv.Itoa(i.workers)
	settings := maps.Clone(i.Settings)
	settings["PARLEY_METRICS_ADDR"] = "127.0.0.1:0"
	ready := func(context.Context) bool { return i.processes[len(i.processes)-1].Said("ready") }
	return i.run(ctx, name, filepath.Join(i.Bin, "worker"), settings, ready)
}

func (i *Installation) run(ctx context.Context, name, program string, settings map[string]string, ready func(context.Context) bool, args ...string) (*Process, error) {
	p, err := Run(name, program, i.Dir, settings, args...)
	if err != nil {
		return nil, err
	}
	i.processes = append(i.processes, p)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := p.Await(ctx, ready); err != nil {
		return nil, err
	}
	return p, nil
}

// Stop ends everything, the last started first.
func (i *Installation) Stop() {
	for _, p := range slices.Backward(i.processes) {
		_ = p.Stop()
	}
}

// Fetch reads a URL of the installation.
func Fetch(ctx context.Context, address string) ([]byte, error) {
	return call(ctx, http.MethodGet, address, nil)
}

// Post sends JSON to a URL of the installation.
func Post(ctx context.Context, address string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("posting: %w", err)
	}
	_, err = call(ctx, http.MethodPost, address, raw)
	return err
}

func call(ctx context.Context, method, address string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("calling the installation: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("calling the installation: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("calling the installation: %w", err)
	case response.StatusCode > 299:
		return nil, fmt.Errorf("calling the installation: HTTP %d: %s", response.StatusCode, answer)
	}
	return answer, nil
}
