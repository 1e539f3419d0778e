package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/sinch"
)

const (
	strangersAtOnce = 600
	longestBody     = 256 << 10 // that a webhook reads

	// mostMemory is what a webhook may use while strangers fill it, in MB: what it
	// uses without them, twice.
	mostMemory = 128
)

// A crowd is strangers who send half of a request and wait, and what a webhook
// uses of memory meanwhile.
type crowd struct {
	addresses map[string]string // of webhooks, by the name of their unit
	peak      atomic.Int64      // in MB
}

func (c *crowd) most() int { return int(c.peak.Load()) }

// fill sends the crowd to each webhook, one after the other.
func (c *crowd) fill(ctx context.Context, units map[string]*unit) {
	for name, address := range c.addresses {
		c.crowdInto(ctx, address, units[name])
	}
}

func (c *crowd) crowdInto(ctx context.Context, address string, u *unit) {
	ctx, leave := context.WithTimeout(ctx, 8*time.Second)
	defer leave()
	var standing sync.WaitGroup
	for range strangersAtOnce {
		standing.Go(func() { halfSend(ctx, address) })
	}
	for sleep(ctx, 500*time.Millisecond) {
		if p := u.running(); p != nil {
			c.peak.Store(max(c.peak.Load(), resident(p.ID())))
		}
	}
	standing.Wait()
}

// halfSend begins a callback with a signature of nobody's, and does not end it.
func halfSend(ctx context.Context, address string) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return // the webhook is down
	}
	defer func() { _ = conn.Close() }()
	head := fmt.Sprintf("POST /webhooks/sinch HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s: %s\r\n%s: %d\r\n%s: stranger\r\n\r\n",
		address, longestBody, sinch.HeaderSignature, "bm90IHNpZ25lZCBieSBhbnlib2R5IHdlIGtub3chISE=", sinch.HeaderTimestamp, time.Now().Unix(), sinch.HeaderNonce)
	if _, err := conn.Write(append([]byte(head), bytes.Repeat([]byte(" "), longestBody-1)...)); err != nil {
		return // it does not want to hear more
	}
	<-ctx.Done()
}

// resident is the most memory that a process has used, in MB; 0 if nobody can tell.
func resident(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		return 0
	}
	return kilobytes / 1024
}
