package doctor

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"

	"parley/internal/encryption"
)

// A sealing is what the payloads of some events are encrypted with.
type sealing struct {
	keys    map[string]bool // by their ids: whether all that is encrypted with one can be read here
	sealed  time.Time       // when the last payload was written encrypted
	inClear time.Time       // when the last one was written in clear
}

// add takes in another one.
func (s *sealing) add(other sealing) {
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	for id, readable := range other.keys {
		before, known := s.keys[id]
		s.keys[id] = readable && (before || !known)
	}
	s.sealed, s.inClear = later(s.sealed, other.sealed), later(s.inClear, other.inClear)
}

// sealingOf looks at all that programs may encrypt.
func sealingOf(ctx context.Context, events []*historypb.HistoryEvent, keys *encryption.Keys) sealing {
	var all sealing
	for _, e := range events {
		at := e.GetEventTime().AsTime()
		_ = proxy.VisitPayloads(ctx, e, proxy.VisitPayloadsOptions{
			SkipSearchAttributes: true,
			Visitor: func(visited *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
				if _, trace := visited.Parent.(*commonpb.Header); trace {
					return payloads, nil
				}
				for _, p := range payloads {
					if !encryption.IsEncrypted(p) {
						all.add(sealing{inClear: at})
						continue
					}
					_, err := encryption.Codec{Keys: keys}.Decode([]*commonpb.Payload{p})
					all.add(sealing{sealed: at, keys: map[string]bool{encryption.KeyID(p): err == nil}})
				}
				return payloads, nil
			},
		})
	}
	return all
}

// examineEncryption compares what was found in conversations with the keys that are
// set here.
func (e *examination) examineEncryption(ctx context.Context, s sealing) Finding {
	const check = "encryption"
	keys := e.server.Keys
	if err := keys.Known(ctx); err != nil {
		return failed(check, "see the parameter that PARLEY_ENCRYPTION_KEYS_PARAM names; programs that start now wait for it", "%v", err)
	}
	named := func(ids ...string) string { return `the key "` + strings.Join(ids, `" and the key "`) + `"` }
	found := slices.Sorted(maps.Keys(s.keys))
	missing := slices.DeleteFunc(slices.Clone(found), func(id string) bool { return s.keys[id] })
	ours := keys.Encrypting()
	switch {
	case len(missing) > 0:
		return failed(check, "add it here, and for every program that may lack it, or conversations stand still: see docs/encryption.md",
			"something in these conversations is encrypted with %s, not found in PARLEY_ENCRYPTION_KEYS here, or different there", named(missing...))
	case ours == "" && s.sealed.After(s.inClear):
		return warned(check, "put that key in front here too, unless encryption is being turned off", "this environment encrypts nothing, and another program did %s, with %s", e.ago(s.sealed), named(found...))
	case ours == "":
		return fine(check, "off: what is said lies in clear in Temporal")
	case s.inClear.After(s.sealed):
		return warned(check, "if it has been on for longer, a program lacks PARLEY_ENCRYPTION_KEYS, or has none in front", "with %s, and what was last written in these conversations, %s, is in clear", named(ours), e.ago(s.inClear))
	case len(found) == 0:
		return fine(check, "with %s; nothing in these conversations is encrypted yet", named(ours))
	}
	return fine(check, "with %s; what these conversations hold can be read here", named(ours))
}
