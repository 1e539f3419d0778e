package encryption_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/secrets"
	"parley/sms"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newKey(t testing.TB, id string) string {
	t.Helper()
	entry, err := encryption.NewKey(id)
	require.NoError(t, err)
	return entry
}

func open(t testing.TB, entries ...string) *encryption.Keys {
	t.Helper()
	keys, err := encryption.Open(quiet(), secrets.Fixed(strings.Join(entries, ",")))
	require.NoError(t, err)
	return keys
}

func none(t testing.TB) *encryption.Keys {
	t.Helper()
	keys, err := encryption.Open(quiet(), nil)
	require.NoError(t, err)
	return keys
}

func options(keys *encryption.Keys) client.Options {
	var o client.Options
	encryption.Apply(&o, keys)
	return o
}

func inWorker(keys *encryption.Keys) client.Options {
	var o client.Options
	encryption.ApplyToWorker(&o, keys)
	return o
}

type note struct {
	Text string `json:"text"`
}

func encode(t testing.TB, keys *encryption.Keys, value any) *commonpb.Payload {
	t.Helper()
	p, err := options(keys).DataConverter.ToPayload(value)
	require.NoError(t, err)
	return p
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	keys := open(t, newKey(t, "2026-11-22"))
	for name, text := range map[string]string{"short": "hello", "empty": "", "long": strings.Repeat("The quick brown fox. ", 500)} {
		p := encode(t, keys, note{text})
		require.Equal(t, encryption.Encoding, string(p.GetMetadata()["encoding"]), name)
		require.Equal(t, "2026-11-22", string(p.GetMetadata()["encryption-key-id"]))
		require.Len(t, p.GetMetadata(), 2, "nothing else of it is in clear")
		require.NotContains(t, string(p.GetData()), "quick brown")
		if name == "long" {
			require.Less(t, len(p.GetData()), len(text)/10, "it is packed first")
		}
		for _, o := range []client.Options{options(keys), inWorker(keys)} {
			var got note
			require.NoError(t, o.DataConverter.FromPayload(p, &got))
			require.Equal(t, text, got.Text)
		}
		require.NotEqual(t, p.GetData(), encode(t, keys, note{text}).GetData(), "a nonce is used once")
	}
	raw := converter.NewRawValue(encode(t, none(t), note{"raw"}))
	p := encode(t, keys, raw)
	require.True(t, encryption.IsEncrypted(p))
	var back converter.RawValue
	require.NoError(t, options(keys).DataConverter.FromPayload(p, &back))
	require.True(t, proto.Equal(raw.Payload(), back.Payload()))
}

func TestOffByDefault(t *testing.T) {
	t.Parallel()
	for _, keys := range []*encryption.Keys{none(t), open(t, encryption.None, newKey(t, "next"))} {
		require.Empty(t, keys.Encrypting())
		p := encode(t, keys, note{"hello"})
		plain, err := converter.GetDefaultDataConverter().ToPayload(note{"hello"})
		require.NoError(t, err)
		require.True(t, proto.Equal(plain, p))
		var got note
		require.NoError(t, options(keys).DataConverter.FromPayload(plain, &got))
		require.NoError(t, inWorker(keys).DataConverter.FromPayload(plain, &got))
		failure := options(keys).FailureConverter.ErrorToFailure(errors.New("broken"))
		require.Equal(t, "broken", failure.GetMessage())
	}
}

func TestRing(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, "first"), newKey(t, "second")
	before, after := open(t, first, second), open(t, second, first)
	require.Equal(t, "first", before.Encrypting())
	require.Equal(t, "second", after.Encrypting())
	for _, keys := range []*encryption.Keys{before, after, open(t, encryption.None, first, second)} {
		var got note
		require.NoError(t, options(keys).DataConverter.FromPayload(encode(t, before, note{"old"}), &got))
		require.Equal(t, "old", got.Text)
		require.NoError(t, options(keys).DataConverter.FromPayload(encode(t, after, note{"new"}), &got))
		require.Equal(t, "new", got.Text)
	}
}

// What cannot be read is told to a client, and breaks off workflow code.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, "first"), newKey(t, "second")
	p := encode(t, open(t, first), note{"hello"})
	other := "first" + strings.TrimPrefix(newKey(t, "other"), "other")
	changed := func(change func(*commonpb.Payload)) *commonpb.Payload {
		c := proto.CloneOf(p)
		change(c)
		return c
	}
	for name, tt := range map[string]struct {
		keys    *encryption.Keys
		payload *commonpb.Payload
		id      string
		words   string
	}{
		"no key":          {none(t), p, "first", `encrypted with the key "first", which this program does not have: add it to PARLEY_ENCRYPTION_KEYS`},
		"another key":     {open(t, second), p, "first", `encrypted with the key "first", which this program does not have`},
		"same id":         {open(t, other), p, "first", `is not what was encrypted with the key "first"`},
		"changed":         {open(t, first), changed(func(p *commonpb.Payload) { p.Data[len(p.Data)/2] ^= 1 }), "first", "it was changed"},
		"cut":             {open(t, first), changed(func(p *commonpb.Payload) { p.Data = p.GetData()[:5] }), "first", "it was changed"},
		"nothing left":    {open(t, first), changed(func(p *commonpb.Payload) { p.Data = nil }), "first", "it was changed"},
		"renamed":         {open(t, first, "second"+strings.TrimPrefix(first, "first")), changed(func(p *commonpb.Payload) { p.Metadata["encryption-key-id"] = []byte("second") }), "second", "it was changed"},
		"without id":      {open(t, first), changed(func(p *commonpb.Payload) { delete(p.Metadata, "encryption-key-id") }), "", `the key ""`},
		"somebody's":      {open(t, first), changed(func(p *commonpb.Payload) { p.Metadata["encoding"] = []byte("binary/zlib") }), "", `the encoding "binary/zlib", which this program cannot read`},
		"a long encoding": {none(t), changed(func(p *commonpb.Payload) { p.Metadata["encoding"] = bytes.Repeat([]byte("x"), 5000) }), "", "xxx"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got note
			err := options(tt.keys).DataConverter.FromPayload(tt.payload, &got)
			require.ErrorContains(t, err, tt.words)
			require.Less(t, len(err.Error()), 400)
			unreadable, ok := errors.AsType[*encryption.Unreadable](err)
			require.True(t, ok)
			require.Equal(t, tt.id, unreadable.KeyID)
			worker := inWorker(tt.keys).DataConverter
			require.PanicsWithError(t, err.Error(), func() { _ = worker.FromPayload(tt.payload, &got) })
			require.PanicsWithError(t, err.Error(), func() { _ = worker.FromPayloads(&commonpb.Payloads{Payloads: []*commonpb.Payload{tt.payload}}, &got) })
			aware := worker.(converter.ContextAware)
			require.Panics(t, func() { _ = aware.WithWorkflowContext(nil).FromPayload(tt.payload, &got) })
			require.EqualError(t, aware.WithContext(t.Context()).FromPayload(tt.payload, &got), err.Error(), "an activity, or a client within one")
		})
	}
}

// What no key would mend is left to the SDK, which has its own words for it.
func TestNotEncoded(t *testing.T) {
	t.Parallel()
	var got note
	for _, p := range []*commonpb.Payload{{Data: []byte("{}")}, {Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte("{")}} {
		require.Error(t, inWorker(none(t)).DataConverter.FromPayload(p, &got))
	}
	require.NoError(t, inWorker(none(t)).DataConverter.FromPayload(nil, &got))
}

func TestFailures(t *testing.T) {
	t.Parallel()
	keys := open(t, newKey(t, "first"))
	with, without := options(keys).FailureConverter, options(none(t)).FailureConverter
	cause := temporal.NewApplicationError("the contact said no", "Cause", "a detail")
	failure := with.ErrorToFailure(temporal.NewApplicationErrorWithCause("reading their words", "Broken", cause, "another"))
	said, err := proto.Marshal(failure)
	require.NoError(t, err)
	for _, words := range []string{"the contact", "their words", "detail", "another"} {
		require.NotContains(t, string(said), words)
	}
	require.Contains(t, string(said), "Broken", "the type is in clear")

	read, ok := errors.AsType[*temporal.ApplicationError](with.FailureToError(proto.CloneOf(failure)))
	require.True(t, ok)
	require.Equal(t, "reading their words", read.Message())
	var detail string
	require.NoError(t, read.Details(&detail))
	require.Equal(t, "another", detail)
	require.ErrorContains(t, errors.Unwrap(read), "the contact said no")

	blind := without.FailureToError(proto.CloneOf(failure))
	require.ErrorContains(t, blind, `encrypted with the key "first"`)
	require.Panics(t, func() { _ = inWorker(none(t)).FailureConverter.FailureToError(proto.CloneOf(failure)) }, "the task is tried again")
}

// An activity whose input cannot be read has not begun.
func TestActivityWithoutTheKey(t *testing.T) {
	t.Parallel()
	keys := open(t, newKey(t, "first"))
	o := inWorker(none(t))
	var got note
	err := o.DataConverter.(converter.ContextAware).WithContext(t.Context()).FromPayload(encode(t, keys, note{"hello"}), &got)
	require.Error(t, err)
	failure := o.FailureConverter.ErrorToFailure(errors.Join(errors.New("unable to decode"), err))
	info := failure.GetApplicationFailureInfo()
	require.Equal(t, wire.SendNotTaken, info.GetType())
	require.False(t, info.GetNonRetryable())
	require.Positive(t, info.GetNextRetryDelay().AsDuration())
	var code string
	require.NoError(t, o.DataConverter.FromPayloads(info.GetDetails(), &code))
	require.Equal(t, "NO_ENCRYPTION_KEY", code)
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	good := newKey(t, "good")
	short := base64.StdEncoding.EncodeToString([]byte("sixteen bytes!!!"))
	for name, tt := range map[string]struct{ entries, words string }{
		"no colon":       {"c2VjcmV0", "encryption key 1 is invalid: it has no colon"},
		"short":          {good + ",b:" + short, "encryption key 2 is invalid: what follows the colon is not 32 bytes in base64"},
		"not base64":     {"b:§§§", "is not 32 bytes in base64"},
		"id":             {"My Key" + strings.TrimPrefix(good, "good"), "its id is not made of"},
		"reserved id":    {"none" + strings.TrimPrefix(good, "good"), "its id is not made of"},
		"long id":        {strings.Repeat("x", 33) + strings.TrimPrefix(good, "good"), "its id is not made of"},
		"twice":          {good + "," + newKey(t, "good"), `two of the encryption keys have the id "good"`},
		"none, and last": {good + ",none", `can only be the first`},
		"empty":          {" , ", "there is no encryption key"},
	} {
		_, err := encryption.Open(quiet(), secrets.Fixed(tt.entries))
		require.ErrorContains(t, err, tt.words, name)
		require.ErrorContains(t, err, "PARLEY_ENCRYPTION_KEYS", name)
		for part := range strings.FieldsFuncSeq(tt.entries, func(r rune) bool { return r == ',' || r == ':' }) {
			if len(part) > 10 {
				require.NotContains(t, err.Error(), part, name)
			}
		}
	}
	_, err := encryption.NewKey("Not One")
	require.Error(t, err)
}

// A key's id is to be read in a log.
func TestLogsNameTheKey(t *testing.T) {
	t.Parallel()
	var got note
	err := options(none(t)).DataConverter.FromPayload(encode(t, open(t, newKey(t, "2026-11-22")), note{"hello"}), &got)
	require.Contains(t, sms.Mask(err.Error()), `"2026-11-22"`)
}

// source is a parameter store, with one parameter.
type source struct {
	entries atomic.Pointer[string] // nil: it is away
	asked   atomic.Int32
}

func (s *source) set(entries ...string) {
	all := strings.Join(entries, ",")
	s.entries.Store(&all)
}

func (s *source) Get(ctx context.Context) (string, error) { return s.Renew(ctx) }

func (s *source) Renew(context.Context) (string, error) {
	s.asked.Add(1)
	if entries := s.entries.Load(); entries != nil {
		return *entries, nil
	}
	return "", errors.New("AWS did not answer in time")
}

// While the keys are away, nothing is written in clear.
func TestKeysAreAway(t *testing.T) {
	t.Parallel()
	s := &source{}
	keys, err := encryption.Open(quiet(), s)
	require.NoError(t, err, "it starts all the same")
	o := options(keys)
	require.ErrorContains(t, keys.Known(t.Context()), "the encryption keys are not known: AWS did not answer in time")
	_, err = o.DataConverter.ToPayload(note{"hello"})
	require.ErrorContains(t, err, "the encryption keys are not known")
	_, err = o.DataConverter.ToPayloads(note{"hello"})
	require.ErrorContains(t, err, "the encryption keys are not known")
	var got note
	err = o.DataConverter.FromPayload(encode(t, open(t, newKey(t, "first")), note{"hello"}), &got)
	require.ErrorContains(t, err, `reading what is encrypted with the key "first": the encryption keys are not known`)

	s.set("rubbish")
	require.ErrorIs(t, keys.Known(t.Context()), encryption.ErrUnusable)
	first := newKey(t, "first")
	s.set(first)
	require.NoError(t, keys.Known(t.Context()))
	require.True(t, encryption.IsEncrypted(encode(t, keys, note{"hello"})))
	for _, later := range [][]string{nil, {"rubbish"}} {
		s.entries.Store(nil)
		if later != nil {
			s.set(later...)
		}
		require.NoError(t, keys.Known(t.Context()), "the last ones go on being used")
		require.Equal(t, "first", keys.Encrypting())
	}
}

// A key that was added a moment ago is found without a restart: by a client at
// once, by workflow code on its next try.
func TestKeyIsAdded(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, "first"), newKey(t, "second")
	p := encode(t, open(t, second), note{"hello"})
	var got note

	s := &cached{}
	s.set(first)
	keys, err := encryption.Open(quiet(), s)
	require.NoError(t, err)
	require.NoError(t, keys.Known(t.Context()))
	s.set(second, first)
	require.NoError(t, options(keys).DataConverter.FromPayload(p, &got))
	require.Equal(t, "second", keys.Encrypting())

	s = &cached{}
	s.set(first)
	keys, err = encryption.Open(quiet(), s)
	require.NoError(t, err)
	require.NoError(t, keys.Known(t.Context()))
	s.set(second, first)
	worker := inWorker(keys).DataConverter
	require.Panics(t, func() { _ = worker.FromPayload(p, &got) })
	require.Eventually(t, func() (ok bool) {
		defer func() { ok = recover() == nil }()
		return worker.FromPayload(p, &got) == nil
	}, time.Minute, 10*time.Millisecond)

	// A stranger's payloads do not make us ask on and on.
	asked := s.asked.Load()
	foreign := encode(t, open(t, newKey(t, "foreign")), note{"hello"})
	for range 100 {
		require.Error(t, options(keys).DataConverter.FromPayload(foreign, &got))
	}
	require.LessOrEqual(t, s.asked.Load()-asked, int32(1))
}

// cached is a source that is only asked by Renew.
type cached struct {
	source
	kept atomic.Pointer[string]
}

func (c *cached) Get(ctx context.Context) (string, error) {
	if kept := c.kept.Load(); kept != nil {
		return *kept, nil
	}
	return c.Renew(ctx)
}

func (c *cached) Renew(ctx context.Context) (string, error) {
	entries, err := c.source.Renew(ctx)
	if err == nil {
		c.kept.Store(&entries)
	}
	return entries, err
}

func BenchmarkTurn(b *testing.B) {
	texts := []string{`{"schema":1,"id":"in:01EQ8235TD19N21XQTH12B145D","kind":"inbound","body":{"text":"Can we reschedule?"}}`, strings.Repeat("Your appointment is on Tuesday at three. ", 100)}
	for _, text := range texts {
		for name, c := range map[string]converter.DataConverter{"plain": options(none(b)).DataConverter, "encrypted": options(open(b, newKey(b, "first"))).DataConverter} {
			b.Run(name+"/"+map[bool]string{true: "event", false: "state of 4 KB"}[len(text) < 200], func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p, err := c.ToPayloads(note{text})
					if err != nil {
						b.Fatal(err)
					}
					var got note
					if err := c.FromPayloads(p, &got); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
