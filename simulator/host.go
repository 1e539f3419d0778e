package main

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// calledBy serves only who calls us by a name that is ours. A page on a site whose
// name is made to lead to this machine counts as one of ours to the browser, and
// could read the phones and text from them; but the name gives it away.
func calledBy(names []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isOurs(r.Host, names) {
			http.Error(w, "the simulator is not called by this name; name it with --host if it is yours", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isOurs(host string, names []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
}
