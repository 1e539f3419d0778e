package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/dynamicconfig"
)

const description = `A Temporal server with its web UI in one process, for demonstrations and tests.

Not for production: anyone who reaches the ports may do anything, and all data
is in one SQLite database, in memory unless --db-filename is given.

The words "server start-dev" may come first, as with the Temporal CLI, so that
testsuite.StartDevServer of the Go SDK can run this program (ExistingPath).`

// settings is what the command line says. The names are those of the Temporal
// CLI, because scripts and the SDK already use them.
type settings struct {
	IP       address `name:"ip" default:"127.0.0.1" help:"Address of the gRPC service, the HTTP API and the metrics. Use 0.0.0.0 inside a container."`
	Port     int     `short:"p" default:"7233" help:"Port of the gRPC service."`
	HTTPPort int     `name:"http-port" help:"Port of the HTTP API. Default: a free one."`

	Headless           bool    `help:"Run without the web UI."`
	UIIP               address `name:"ui-ip" help:"Address of the web UI. Default: as --ip."`
	UIPort             int     `name:"ui-port" help:"Port of the web UI. Default: --port + 1000."`
	UIPublicPath       string  `name:"ui-public-path" placeholder:"/PATH" help:"Path under which the web UI is served."`
	UIAssetPath        string  `name:"ui-asset-path" placeholder:"DIR" help:"Folder with a web UI to serve instead of the built-in one."`
	UICodecEndpoint    string  `name:"ui-codec-endpoint" placeholder:"URL" help:"Codec server with which the web UI decodes payloads."`
	UICodecCredentials bool    `name:"ui-codec-credentials" help:"Send the browser's cookies of the codec server along."`

	MetricsPort int `name:"metrics-port" help:"Port for Prometheus, path /metrics. Off unless set."`

	DBFilename   string            `name:"db-filename" short:"f" placeholder:"FILE" help:"SQLite file that keeps everything; made if it is missing. Default: in memory, lost at the end."`
	SQLitePragma map[string]string `name:"sqlite-pragma" mapsep:"none" placeholder:"NAME=VALUE" help:"SQLite pragma, such as journal_mode=wal. Repeatable."`

	Namespaces       []string          `name:"namespace" short:"n" sep:"none" placeholder:"NAME" help:"Namespace to create; \"default\" always exists. Repeatable."`
	SearchAttributes map[string]string `name:"search-attribute" mapsep:"none" placeholder:"NAME=TYPE" help:"Search attribute to register in each of these namespaces: Text, Keyword, Int, Double, Bool, Datetime or KeywordList. Repeatable."`
	DynamicConfig    map[string]string `name:"dynamic-config-value" mapsep:"none" placeholder:"KEY=JSON" help:"Setting of the server, such as history.maxAutoResetPoints=5 or 'matching.longPollExpirationInterval=\"10s\"'. Repeatable."`

	LogLevel  string `name:"log-level" enum:"debug,info,warn,error,never" default:"warn" help:"What to log on standard error: ${enum}."`
	LogFormat string `name:"log-format" enum:"pretty,text,json" default:"pretty" help:"How to log: ${enum}."`

	// What parseFlags makes of the flags whose values have a form of their own.
	searchAttributes map[string]enumspb.IndexedValueType
	dynamicConfig    dynamicconfig.StaticClient
}

// parseFlags reads and checks the command line. What it accepts can be started,
// unless somebody takes a port in the meantime.
func parseFlags(args []string) (settings, error) {
	if len(args) >= 2 && args[0] == "server" && args[1] == "start-dev" {
		args = args[2:]
	}
	var s settings
	parser, err := kong.New(&s, kong.Name("devserver"), kong.Description(description))
	if err != nil {
		return s, err
	}
	if _, err := parser.Parse(args); err != nil {
		return s, fmt.Errorf("%w (see devserver --help)", err)
	}

	if s.searchAttributes, err = searchAttributeTypes(s.SearchAttributes); err != nil {
		return s, err
	}
	if s.dynamicConfig, err = dynamicConfig(s.DynamicConfig); err != nil {
		return s, err
	}
	if !slices.Contains(s.Namespaces, "default") {
		s.Namespaces = append(s.Namespaces, "default")
	}
	if !s.UIIP.IsValid() {
		s.UIIP = s.IP
	}
	if s.UIPort == 0 {
		s.UIPort = min(s.Port+1000, 65535)
	}
	if s.UIPublicPath != "" && !strings.HasPrefix(s.UIPublicPath, "/") {
		return s, fmt.Errorf("--ui-public-path=%s: the path must begin with /", s.UIPublicPath)
	}
	if s.DBFilename != "" {
		if dir := filepath.Dir(s.DBFilename); !isDir(dir) {
			return s, fmt.Errorf("--db-filename: there is no folder %s; create it first", dir)
		}
	}
	return s, s.checkPorts()
}

// checkPorts finds a port that is taken before the server does, whose own
// report is a screenful of its insides.
func (s settings) checkPorts() error {
	listeners := []struct {
		flag string
		ip   address
		port int
		used bool
	}{
		{"--port", s.IP, s.Port, true},
		{"--http-port", s.IP, s.HTTPPort, s.HTTPPort != 0},
		{"--ui-port", s.UIIP, s.UIPort, !s.Headless},
		{"--metrics-port", s.IP, s.MetricsPort, s.MetricsPort != 0},
	}
	for _, l := range listeners {
		if !l.used {
			continue
		}
		if l.port < 1 || l.port > 65535 {
			return fmt.Errorf("%s=%d: choose a port from 1 to 65535", l.flag, l.port)
		}
		// All stay open until the end, so that two flags with the same port
		// are found as well.
		listener, err := net.Listen("tcp", listenAddress(l.ip, l.port))
		if err != nil {
			return fmt.Errorf("%w; stop whoever has it, or choose another with %s", err, l.flag)
		}
		defer listener.Close()
	}
	return nil
}

// searchAttributeTypes gives the types their API values. As with the CLI, case
// does not matter.
func searchAttributeTypes(named map[string]string) (map[string]enumspb.IndexedValueType, error) {
	types := make(map[string]enumspb.IndexedValueType, len(named))
	for name, typeName := range named {
		for known, value := range enumspb.IndexedValueType_shorthandValue {
			if strings.EqualFold(known, typeName) && value != 0 {
				types[name] = enumspb.IndexedValueType(value)
			}
		}
		if _, ok := types[name]; !ok {
			return nil, fmt.Errorf("--search-attribute %s=%s: "+
				"the type must be Text, Keyword, Int, Double, Bool, Datetime or KeywordList", name, typeName)
		}
	}
	return types, nil
}

// address is an IP address. The word localhost is allowed because the server
// wants a number and people, and the SDK, write the word.
type address struct{ netip.Addr }

func (a *address) UnmarshalText(text []byte) error {
	if string(text) == "localhost" {
		text = []byte(loopback)
	}
	if err := a.Addr.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is not an IP address", text)
	}
	return nil
}

func listenAddress(ip address, port int) string {
	return net.JoinHostPort(ip.String(), strconv.Itoa(port))
}

// hostPort is where a client on this machine reaches a service: one that
// listens on all addresses is reached by the loopback one.
func hostPort(ip address, port int) string {
	host := ip.String()
	switch {
	case ip.IsUnspecified() && ip.Is4():
		host = loopback
	case ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
