package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
)

const (
	loopback    = "127.0.0.1"
	clusterName = "active" // as in the CLI, so that database files can be exchanged
	metricsPath = "/metrics"
)

// pollsPerSecond is how often a second each task queue of the one history shard
// may look for tasks. At the server's default of 20, meant for thousands of
// shards, every hop from signal to workflow to activity waits for up to 50 ms.
// Much more than 100 wins little, and under load costs throughput, because it
// fetches tasks one by one that would have come together.
const pollsPerSecond = 100

// dynamicConfig is what makes a server small, quick and quiet enough for one
// person, overridden by the key=JSON pairs of the command line.
func dynamicConfig(overrides map[string]string) (dynamicconfig.StaticClient, error) {
	values := dynamicconfig.StaticClient{
		// It would ask temporal.io for news.
		dynamicconfig.EnableServerVersionCheck.Key(): false,

		// Search attributes are usable as soon as they are registered; the
		// limits rise because every reading then asks the database.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():               10_000,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                45_000,

		// Tests list workflows more often than the ten times a second that
		// a server of many tenants grants.
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,

		// A cache for one machine, not for a cluster node.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 8192,

		// A workflow whose tasks fail is reported after twenty seconds, and not after a minute.
		dynamicconfig.NumConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute.Key(): 3,

		dynamicconfig.TransferProcessorMaxPollRPS.Key():   pollsPerSecond,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      pollsPerSecond,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): pollsPerSecond,
		dynamicconfig.OutboundProcessorMaxPollRPS.Key():   pollsPerSecond,
	}
	for key, value := range overrides {
		loaded, err := dynamicValue(key, value)
		if err != nil {
			return nil, fmt.Errorf("--dynamic-config-value %s=%s: %w", key, value, err)
		}
		values[dynamicconfig.MakeKey(key)] = loaded
	}
	return values, nil
}

// dynamicValue reads value as the server reads its own files, which are YAML.
// JSON is YAML too, and in it whole numbers become ints at any depth, where
// encoding/json makes them float64, which the server silently ignores.
//
// The loader's warnings are errors here: it warns of unknown keys and of values
// of the wrong type, neither of which would have any effect.
func dynamicValue(key, value string) ([]dynamicconfig.ConstrainedValue, error) {
	if !json.Valid([]byte(value)) {
		return nil, errors.New(`the value must be JSON; a text needs its quotation marks, as in '"10s"'`)
	}
	loader := dynamicconfig.YamlLoader{}
	name := dynamicconfig.MakeKey(key)
	loader.LoadValue(name, []byte(`[{"value": `+value+`}]`))
	if err := errors.Join(append(loader.Errors, loader.Warnings...)...); err != nil {
		return nil, err
	}
	return loader.Map[name], nil
}

// serverConfig is a cluster of one: all four services in this process, of which
// only the frontend can be reached from other machines, if s.IP says so.
func serverConfig(s settings, db *config.SQL) *config.Config {
	httpPort := s.HTTPPort
	if httpPort == 0 {
		httpPort = freePort() // without one the server warns
	}
	cfg := &config.Config{
		Global: config.Global{
			Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback},
		},
		Persistence: config.Persistence{
			DefaultStore:     sqlite.PluginName,
			VisibilityStore:  sqlite.PluginName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{sqlite.PluginName: {SQL: db}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             hostPort(s.IP, s.Port),
				HTTPAddress:            hostPort(s.IP, httpPort),
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			"frontend": {RPC: config.RPC{GRPCPort: s.Port, HTTPPort: httpPort, BindOnIP: s.IP.String()}},
			"history":  internalService(),
			"matching": internalService(),
			"worker":   internalService(),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: hostPort(s.IP, s.Port)},
	}
	if s.MetricsPort != 0 {
		cfg.Global.Metrics = &metrics.Config{Prometheus: &metrics.PrometheusConfig{
			ListenAddress: listenAddress(s.IP, s.MetricsPort),
			HandlerPath:   metricsPath,
		}}
	}
	return cfg
}

func internalService() config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: freePort(), BindOnIP: loopback}}
}

// databaseConfig is one SQLite database, whose tables are made if it has none.
func databaseConfig(s settings) *config.SQL {
	db := &config.SQL{PluginName: sqlite.PluginName, DatabaseName: s.DBFilename}
	if s.DBFilename == "" {
		db.DatabaseName = "devserver"
		db.ConnectAttributes = map[string]string{"mode": "memory", "cache": "shared"}
	} else {
		db.ConnectAttributes = map[string]string{"mode": "rwc", "setup": "true"}
	}
	for name, value := range s.SQLitePragma {
		db.ConnectAttributes[name] = value
	}
	return db
}
