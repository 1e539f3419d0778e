package test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/test/e2e"

	"github.com/stretchr/testify/require"
)

// A function is a program that runs as on AWS Lambda: with the variables that
// Lambda gives and no others, and with Lambda's runtime API as the only way in.
// The API is the documented one, and as strict: it answers an answer that Lambda
// would not take with 400.
type function struct {
	t       *testing.T
	process *os.Process
	log     string
	ended   chan struct{}
	err     error
	begun   time.Time

	queue chan *invocation

	mutex   sync.Mutex
	running map[string]*invocation
	last    int
	initErr string
}

type invocation struct {
	id    string
	event []byte
	ended chan outcome
}

type outcome struct {
	contentType string
	body        []byte
	err         string // of the function
}

// functionTimeout is the Timeout of the template.
const functionTimeout = 10 * time.Second

func startFunction(t *testing.T, program string, settings map[string]string) *function {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%s is missing: run make build", program)
	}
	f := &function{t: t, ended: make(chan struct{}), queue: make(chan *invocation), running: map[string]*invocation{}}
	api := httptest.NewServer(f.api())
	f.log = filepath.Join(t.TempDir(), "function.log")
	file, err := os.Create(f.log)
	require.NoError(t, err)
	task := filepath.Dir(program)
	command := exec.CommandContext(context.WithoutCancel(t.Context()), program)
	command.Dir, command.Stdout, command.Stderr = task, file, file
	command.Env = []string{
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin", "LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime", "LANG=en_US.UTF-8", "TZ=:UTC",
		"LAMBDA_TASK_ROOT=" + task, "LAMBDA_RUNTIME_DIR=/var/runtime", "_HANDLER=bootstrap",
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=parley-webhook", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/parley-webhook", "AWS_LAMBDA_LOG_STREAM_NAME=2026/02/13/[$LATEST]1", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_SESSION_TOKEN=none",
	}
	for name, value := range settings {
		command.Env = append(command.Env, name+"="+value)
	}
	f.begun = time.Now()
	require.NoError(t, command.Start())
	f.process = command.Process
	go func() {
		f.err = command.Wait()
		close(f.ended)
	}()
	t.Cleanup(func() {
		_ = f.process.Kill()
		<-f.ended
		api.CloseClientConnections() // a runtime's wait for the next invocation has no end
		api.Close()
		said, err := os.ReadFile(f.log)
		require.NoError(t, err)
		require.NotRegexp(t, `1555\d{7}`, string(said), "a contact's number")
		if t.Failed() {
			t.Logf("the function said:\n%s", e2e.Tail(said, 30))
		}
	})
	return f
}

func (f *function) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { f.end(w, r, "") })
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		f.end(w, r, "the function failed: "+r.Header.Get("Lambda-Runtime-Function-Error-Type"))
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mutex.Lock()
		f.initErr = string(body)
		f.mutex.Unlock()
		w.WriteHeader(http.StatusAccepted)
	})
	// Who registers an extension is told of the end by SIGTERM.
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Lambda-Extension-Name") == "" {
			http.Error(w, "no name", http.StatusBadRequest)
			return
		}
		w.Header().Set("Lambda-Extension-Identifier", "extension-1")
		_, _ = io.WriteString(w, `{"functionName":"parley-webhook","functionVersion":"$LATEST","handler":"bootstrap"}`)
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

func (f *function) next(w http.ResponseWriter, r *http.Request) {
	select {
	case i := <-f.queue:
		f.mutex.Lock()
		f.running[i.id] = i
		f.mutex.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", i.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(functionTimeout).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:parley-webhook")
		w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1")
		_, _ = w.Write(i.event)
	case <-r.Context().Done():
	}
}

func (f *function) end(w http.ResponseWriter, r *http.Request, failure string) {
	body, err := io.ReadAll(r.Body)
	f.mutex.Lock()
	i := f.running[r.PathValue("id")]
	delete(f.running, r.PathValue("id"))
	f.mutex.Unlock()
	if err != nil || i == nil {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	i.ended <- outcome{r.Header.Get("Content-Type"), body, failure}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

// reply is what a caller of the URL gets.
type reply struct {
	Status  int
	Headers map[string]string
	Body    string
}

// invoke has the function answer an event, as its URL does.
func (f *function) invoke(event []byte) (reply, time.Duration) {
	f.t.Helper()
	f.mutex.Lock()
	f.last++
	i := &invocation{fmt.Sprintf("8476a536-e9f4-11e8-9739-%012d", f.last), event, make(chan outcome, 1)}
	f.mutex.Unlock()
	select {
	case f.queue <- i:
	case <-f.ended:
		f.t.Fatal("the function has ended")
	case <-time.After(patience):
		f.t.Fatal("the function does not take an invocation")
	}
	begun := time.Now()
	select {
	case o := <-i.ended:
		took := time.Since(begun)
		return f.replyOf(o), took
	case <-f.ended:
		f.t.Fatal("the function ended over an invocation")
	case <-time.After(functionTimeout):
		f.t.Fatal("the function does not answer")
	}
	return reply{}, 0
}

// replyOf is what a URL with InvokeMode BUFFERED makes of what a function returns.
func (f *function) replyOf(o outcome) reply {
	f.t.Helper()
	require.Empty(f.t, o.err, "%s", o.body)
	require.Equal(f.t, "application/json", o.contentType, "no stream")
	var returned struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
		Cookies         []string          `json:"cookies"`
	}
	decoder := json.NewDecoder(bytes.NewReader(o.body))
	decoder.DisallowUnknownFields()
	require.NoError(f.t, decoder.Decode(&returned), "%s", o.body)
	require.NotZero(f.t, returned.StatusCode)
	require.False(f.t, returned.IsBase64Encoded)
	return reply{returned.StatusCode, returned.Headers, returned.Body}
}

// signal is for what happens to a process that Lambda freezes, thaws and ends.
func (f *function) signal(s syscall.Signal) {
	f.t.Helper()
	require.NoError(f.t, f.process.Signal(s))
}

// eventOf is a request as a function URL hands it on: payload 2.0.
func eventOf(r *http.Request, body []byte, inBase64 bool) []byte {
	headers := map[string]string{
		"host": "url-id.lambda-url.eu-central-1.on.aws", "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https",
		"content-length": fmt.Sprint(len(body)), "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
	}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	event := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": r.URL.EscapedPath(), "rawQueryString": r.URL.RawQuery, "headers": headers,
		"requestContext": map[string]any{
			"accountId": "anonymous", "apiId": "url-id", "domainName": headers["host"], "domainPrefix": "url-id", "requestId": "id", "routeKey": "$default",
			"stage": "$default", "time": "13/Feb/2026:09:00:00 +0000", "timeEpoch": time.Now().UnixMilli(),
			"http": map[string]any{"method": r.Method, "path": r.URL.Path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "Apache-HttpClient"},
		},
		"isBase64Encoded": inBase64,
	}
	switch {
	case inBase64:
		event["body"] = base64.StdEncoding.EncodeToString(body)
	case len(body) > 0:
		event["body"] = string(body)
	}
	raw, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return raw
}

// request is one that both a server and a function can be asked.
func request(t *testing.T, method, url string, header http.Header, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	maps.Copy(r.Header, header)
	return r
}
