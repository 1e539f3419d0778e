package main

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// linkFlag says where the web UI is.
type linkFlag struct {
	UI string `name:"ui" env:"TEMPORAL_UI" placeholder:"URL" group:"Temporal" help:"Temporal's web UI, for links. Default: on this machine, the server's port + 1000; of Temporal Cloud, its own."`
}

// link is where a workflow is seen in Temporal's web UI; empty if nobody knows
// where that is.
func link(ui, address, namespace, workflowID string) string {
	if ui == "" {
		ui = defaultUI(address)
	}
	if ui == "" {
		return ""
	}
	return strings.TrimRight(ui, "/") + "/namespaces/" + url.PathEscape(namespace) + "/workflows/" + url.PathEscape(workflowID)
}

// defaultUI is where the web UI is likely to be: a server on this machine has
// it a thousand ports higher, and Temporal Cloud has one for all.
func defaultUI(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	host = strings.ToLower(host)
	if strings.HasSuffix(host, ".tmprl.cloud") || strings.HasSuffix(host, ".temporal.io") {
		return "https://cloud.temporal.io"
	}
	ip, err := netip.ParseAddr(host)
	number, notANumber := strconv.Atoi(port)
	if host != "localhost" && (err != nil || !ip.IsLoopback()) || notANumber != nil {
		return ""
	}
	return "http://localhost:" + strconv.Itoa(min(number+1000, 65535))
}
