package auth

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks whose X-Forwarded-For is believed.
type Proxies []netip.Prefix

// ParseProxies reads networks, and single addresses.
func ParseProxies(written []string) (Proxies, error) {
	var known Proxies
	for _, s := range written {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			address, wrong := netip.ParseAddr(s)
			if wrong != nil {
				return nil, errors.New("write networks such as 10.0.0.0/8, with commas between")
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		known = append(known, prefix.Masked())
	}
	return known, nil
}

func (p Proxies) has(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// Source is where a request comes from: its peer or, if that is a proxy of ours,
// who that says. Behind several, each has added who it was called by, so the last
// that is no proxy counts: what stands before it anybody can have written. All of
// an IPv6 /64 is one source, since one machine can have all its addresses.
func (p Proxies) Source(r *http.Request) netip.Addr {
	at := address(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next := address(hop)
		if !p.has(at) || !next.IsValid() {
			break
		}
		at = next
	}
	if at.Is6() {
		return netip.PrefixFrom(at, 64).Masked().Addr()
	}
	return at
}

// address reads one with or without a port: Lambda gives us no port.
func address(s string) netip.Addr {
	s = strings.TrimSpace(s)
	if with, err := netip.ParseAddrPort(s); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
