package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/test/e2e"
)

// Strangers cost a connection nothing but a promise of bytes. What the webhook
// keeps for them has to end somewhere, and before the machine's memory does.
func TestHalfSentBodiesOfStrangers(t *testing.T) {
	promise(t, "strangers who send half a body and wait fill no memory, however many they are",
		"a body is read before anything is asked about it, and there is no bound on all of them together")
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}

	const (
		strangers = 400
		announced = 256 << 10 // as much as a callback may have
		sent      = announced - 1
		once      = 96 << 20 // for all of them together
		each      = 16 << 10 // and for each connection: its goroutine, its buffers
	)
	w := e2e.New(t)
	w.Text(guest, "hello")
	w.Receives(guest, echoed("hello"))
	before := peakMemory(t, w.Webhooks)

	half := bytes.Repeat([]byte("x"), sent)
	var all sync.WaitGroup
	for i := range strangers {
		all.Go(func() {
			header := http.Header{"Content-Length": {strconv.Itoa(announced)}}
			body := half
			switch i % 4 {
			case 0: // it has no signature
			case 1: // it was signed long ago
				sinch.SignHeader(header, "a guess", half, time.Now().Add(-24*time.Hour))
			case 2: // it is signed now, by somebody who does not know the secret
				sinch.SignHeader(header, "a guess", half, time.Now())
			case 3: // the same, and it does not say how long it is
				sinch.SignHeader(header, "a guess", half, time.Now())
				header.Del("Content-Length")
				header.Set("Transfer-Encoding", "chunked")
				body = append(fmt.Appendf(nil, "%x\r\n", announced), half...)
			}
			hold(w, header, body)
		})
	}
	// Sinch comes again if it has to.
	w.Text(guest, "are you open?")
	w.Receives(guest, echoed("are you open?"))
	all.Wait()

	after := peakMemory(t, w.Webhooks)
	t.Logf("figures: %d connections: %d → %d MB at most", strangers, before>>20, after>>20)
	require.Less(t, (after-before)>>20, (once+strangers*each)>>20, "MB of memory that %d half bodies took", strangers)
}

// hold sends half a body, and then nothing until the webhook ends the matter: with
// an answer, or without one.
func hold(w *e2e.World, header http.Header, half []byte) {
	at := e2e.Must(url.Parse(w.Hook))
	conn, err := net.Dial("tcp", at.Host) //nolint:noctx // it ends with the webhook
	if err != nil {
		return // the webhook takes no more of them: that is its right
	}
	defer func() { _ = conn.Close() }()
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n", at.Path, at.Host)
	_ = header.Write(&head)
	head.WriteString("\r\n")
	// A webhook that has refused it already does not read on.
	go func() { _, _ = io.Copy(conn, io.MultiReader(&head, bytes.NewReader(half))) }()
	_, _ = io.Copy(io.Discard, conn)
}

// peakMemory is the most that the processes have had of the machine's memory, in
// bytes.
func peakMemory(t *testing.T, crew e2e.Crew) (bytes int) {
	t.Helper()
	for _, p := range crew {
		status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.ID()), "status"))
		require.NoError(t, err)
		found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
		require.NotNil(t, found)
		bytes += e2e.Must(strconv.Atoi(string(found[1]))) << 10
	}
	return bytes
}
