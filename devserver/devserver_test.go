package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.temporal.io/server/common/testing/freeport"
)

// TestMain lets the test binary be the program under test, which saves linking
// the server a second time.
func TestMain(m *testing.M) {
	if os.Getenv("BE_DEVSERVER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// devserver is the path of the program.
func devserver(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a real server")
	}
	t.Setenv("BE_DEVSERVER", "1")
	exe, err := os.Executable()
	require.NoError(t, err)
	return exe
}

var topic = temporal.NewSearchAttributeKeyKeyword("Topic")

func greet(ctx workflow.Context, name string) (string, error) {
	return "Hello " + name, workflow.UpsertTypedSearchAttributes(ctx, topic.ValueSet("greeting"))
}

// TestStartDevServer is how the other modules use the program: the SDK starts
// it, a workflow runs, and the database file outlives the process.
func TestStartDevServer(t *testing.T) {
	exe := devserver(t)
	dir := t.TempDir()
	uiPort, metricsPort := freeport.MustGetFreePort(), freeport.MustGetFreePort()
	var said bytes.Buffer // one process at a time writes to it
	start := func(extra ...string) *testsuite.DevServer {
		said.Reset()
		server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
			ExistingPath:     exe,
			DBFilename:       filepath.Join(dir, "temporal.db"),
			EnableUI:         true,
			UIPort:           strconv.Itoa(uiPort),
			SearchAttributes: temporal.NewSearchAttributes(topic.ValueSet("")),
			ExtraArgs:        append(extra, "--metrics-port", strconv.Itoa(metricsPort)),
			Stdout:           io.Discard,
			Stderr:           &said,
		})
		require.NoError(t, err)
		return server
	}
	stop := func(server *testsuite.DevServer) {
		server.Client().Close()
		require.NoError(t, server.Stop(), "a clean stop ends with code 0")
		// Not required to be empty: on a busy machine the server's queues may
		// complain that their shard is not ready yet.
		t.Log(said.String())
	}

	first := start()
	w := worker.New(first.Client(), "greetings", worker.Options{})
	w.RegisterWorkflow(greet)
	require.NoError(t, w.Start())
	run, err := first.Client().ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: "greet-ana", TaskQueue: "greetings"}, greet, "Ana")
	require.NoError(t, err)
	var greeting string
	require.NoError(t, run.Get(t.Context(), &greeting))
	require.Equal(t, "Hello Ana", greeting)
	require.Contains(t, get(t, metricsPort, "/metrics"), "\naction{")
	require.Eventually(t, func() bool { // it starts beside the server
		conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(uiPort)) //nolint:noctx // this machine
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 10*time.Second, 20*time.Millisecond, "the UI listens")
	require.Contains(t, get(t, uiPort, "/"), "<html")
	w.Stop()
	stop(first)

	second := start("--search-attribute", "Due=Datetime")
	listed, err := second.Client().ListWorkflow(t.Context(),
		&workflowservice.ListWorkflowExecutionsRequest{Query: "Topic = 'greeting'"})
	require.NoError(t, err)
	require.Len(t, listed.Executions, 1)
	require.Equal(t, "greet-ana", listed.Executions[0].Execution.WorkflowId)
	require.Eventually(t, func() bool {
		attributes, err := second.Client().OperatorService().ListSearchAttributes(t.Context(),
			&operatorservice.ListSearchAttributesRequest{Namespace: "default"})
		return err == nil && len(attributes.CustomAttributes) == 2
	}, 10*time.Second, 50*time.Millisecond, "the attribute that is new")
	stop(second)
}

// TestSIGTERM: StartDevServer stops with an interrupt, containers with this.
func TestSIGTERM(t *testing.T) {
	exe := devserver(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "--headless", "--port", strconv.Itoa(freeport.MustGetFreePort()))
	var said bytes.Buffer
	cmd.Stderr = &said
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = stdout.Read(make([]byte, 1)) // it prints once it is ready
	require.NoError(t, err)

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
	t.Log(said.String())
}

func get(t *testing.T, port int, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(port)+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}
