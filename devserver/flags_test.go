package main

import (
	"net"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/testing/freeport"
)

func TestParseFlagsDefaults(t *testing.T) {
	s, err := parseFlags([]string{"--port", strconv.Itoa(freeport.MustGetFreePort())})
	require.NoError(t, err)

	require.Equal(t, "127.0.0.1", s.IP.String())
	require.Equal(t, "127.0.0.1", s.UIIP.String())
	require.Equal(t, s.Port+1000, s.UIPort)
	require.Equal(t, []string{"default"}, s.Namespaces)
	require.Equal(t, "warn", s.LogLevel)
}

// The first line is what testsuite.StartDevServer says, the rest what people do.
func TestParseFlagsOfTheCLI(t *testing.T) {
	s, err := parseFlags([]string{
		"server", "start-dev", "--ip", "localhost", "--port", strconv.Itoa(freeport.MustGetFreePort()),
		"--namespace", "default", "--dynamic-config-value", "frontend.enableServerVersionCheck=false", "--headless",
		"-n", "clinic", "--search-attribute", "Topic=keyword", "--search-attribute=Due=Datetime",
		"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal",
	})
	require.NoError(t, err)

	require.Equal(t, "127.0.0.1", s.IP.String())
	require.True(t, s.Headless)
	require.Equal(t, []string{"default", "clinic"}, s.Namespaces)
	require.Equal(t, map[string]string{"journal_mode": "wal", "synchronous": "normal"}, s.SQLitePragma)
	require.Equal(t, map[string]enumspb.IndexedValueType{
		"Topic": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"Due":   enumspb.INDEXED_VALUE_TYPE_DATETIME,
	}, s.searchAttributes)
}

func TestParseFlagsRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	takenPort := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	free := strconv.Itoa(freeport.MustGetFreePort())

	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"an unknown flag":          {[]string{"--prot", "7233"}, "unknown flag --prot"},
		"a port that is taken":     {[]string{"--headless", "--port", takenPort}, "choose another with --port"},
		"one port for two uses":    {[]string{"--port", free, "--ui-port", free}, "choose another with --ui-port"},
		"a port out of range":      {[]string{"--headless", "--port", "70000"}, "--port=70000: choose a port"},
		"a host name":              {[]string{"--ip", "example.org"}, "--ip"},
		"a log level":              {[]string{"--log-level", "loud"}, "--log-level"},
		"a type of attribute":      {[]string{"--search-attribute", "Topic=String"}, "Topic=String: the type must be Text"},
		"an attribute alone":       {[]string{"--search-attribute", "Topic"}, "--search-attribute"},
		"a missing folder":         {[]string{"--db-filename", filepath.Join(t.TempDir(), "no", "db")}, "create it first"},
		"a value that is not JSON": {[]string{"--dynamic-config-value", "frontend.rps=many"}, "must be JSON"},
		"a value of wrong type":    {[]string{"--dynamic-config-value", `frontend.rps="many"`}, "validation failed"},
		"an unknown setting":       {[]string{"--dynamic-config-value", "frontend.rsp=1"}, "unregistered key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseFlags(tc.args)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestDynamicConfigKeepsWholeNumbers(t *testing.T) {
	values, err := dynamicConfig(map[string]string{
		"history.transferProcessorMaxPollRPS":                       "7",
		"matching.longPollExpirationInterval":                       `"10s"`,
		"history.timerProcessorUpdateAckIntervalJitterCoefficient":  "0.5",
		"history.transferProcessorSchedulerActiveRoundRobinWeights": `{"1": 10, "2": [3, {"four": 4}]}`,
	})
	require.NoError(t, err)

	value := func(key string) any { return values.GetValue(dynamicconfig.MakeKey(key))[0].Value }
	require.Equal(t, 7, value("history.transferProcessorMaxPollRPS"), "the command line wins")
	require.Equal(t, pollsPerSecond, value("history.timerProcessorMaxPollRPS"))
	require.Equal(t, "10s", value("matching.longPollExpirationInterval"))
	require.InDelta(t, 0.5, value("history.timerProcessorUpdateAckIntervalJitterCoefficient"), 0)
	require.Equal(t, map[string]any{"1": 10, "2": []any{3, map[string]any{"four": 4}}},
		value("history.transferProcessorSchedulerActiveRoundRobinWeights"))
}
