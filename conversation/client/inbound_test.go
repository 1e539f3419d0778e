package client

import (
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sms"
	"parley/understand"
)

func TestInboundEvent(t *testing.T) {
	t.Parallel()
	m := sms.Inbound{ID: "m1", From: "+15559876543", Kind: sms.KindText, Text: "Stop.", AcceptedAt: at("09:00:00")}
	bodyOf := func(e wire.Envelope, err error) sms.Inbound {
		require.NoError(t, err)
		require.Equal(t, "in:m1", e.ID)
		require.Equal(t, wire.KindInbound, e.Kind)
		var body sms.Inbound
		require.NoError(t, json.Unmarshal(e.Body, &body))
		return body
	}

	e, err := InboundEvent(m, at("09:00:01"))
	body := bodyOf(e, err)
	require.Contains(t, string(e.Body), `"verdict":{"consent":"stop","kind":"words","version":`)
	require.Equal(t, &sms.Verdict{Consent: sms.MeansStop, Kind: sms.TextWords, Version: understand.Version}, body.Verdict)
	body.Verdict = nil
	require.Equal(t, m, body)
	require.Nil(t, m.Verdict, "what was brought stays as it is")

	picture := m
	picture.Kind = sms.KindMedia
	require.Equal(t, &sms.Verdict{Consent: sms.MeansNone, Kind: sms.TextMedia, Version: understand.Version}, bodyOf(InboundEvent(picture, time.Now())).Verdict)

	forged := m
	forged.Text, forged.Verdict = "Hello", &sms.Verdict{Consent: sms.MeansStop}
	require.Equal(t, sms.MeansNone, bodyOf(InboundEvent(forged, time.Now())).Verdict.Consent, "only the rules decide")
}

// TestRulesThatBreak: a text that no rule was made for is a text all the same.
func TestRulesThatBreak(t *testing.T) {
	t.Parallel()
	m := sms.Inbound{ID: "m1", From: "+15559876543", Kind: sms.KindText, Text: "STOP", AcceptedAt: at("09:00:00")}
	e, err := inboundEvent(func(text string, _ bool) sms.Verdict { panic("what is " + text + "?") }, m, at("09:00:01"))
	require.NoError(t, err)
	require.NotContains(t, string(e.Body), "verdict")
	var body sms.Inbound
	require.NoError(t, json.Unmarshal(e.Body, &body))
	require.Equal(t, m, body)
}

// TestNobodyBringsTextsUnclassified: only tests make the raw event.
func TestNobodyBringsTextsUnclassified(t *testing.T) {
	t.Parallel()
	module := os.DirFS("../..")
	var raw []string
	require.NoError(t, fs.WalkDir(module, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(module, path)
		if strings.Contains(string(source), "wire.InboundEvent(") {
			raw = append(raw, path)
		}
		return err
	}))
	require.Equal(t, []string{"conversation/client/inbound.go"}, raw)
}
