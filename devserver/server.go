package main

import (
	"context"
	"fmt"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// server is the Temporal server and its web UI, which is nil when headless.
type server struct {
	temporal temporal.Server
	ui       *uiserver.Server
	logLevel zap.AtomicLevel
}

// start returns once the server answers and all that s names is registered.
func start(ctx context.Context, s settings) (*server, error) {
	db := databaseConfig(s)
	if err := createNamespaces(s, db); err != nil {
		return nil, err
	}
	cfg := serverConfig(s, db)
	hosts := make(map[primitives.ServiceName]static.Hosts, len(cfg.Services))
	for name, service := range cfg.Services {
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(fmt.Sprintf("%s:%d", loopback, service.RPC.GRPCPort))
	}
	hosts[primitives.FrontendService] = static.SingleLocalHost(hostPort(s.IP, s.Port))

	logger, logLevel := newLogger(s)
	temporalServer, err := temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithDynamicConfigClient(s.dynamicConfig),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("setting up: %w", err)
	}
	if err := temporalServer.Start(); err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	srv := &server{temporal: temporalServer, logLevel: logLevel}
	if err := registerSearchAttributes(ctx, s); err != nil {
		return nil, err
	}
	if !s.Headless {
		srv.ui = newUI(s)
		// It ends the process by itself if it cannot serve.
		go srv.ui.Start()
	}
	return srv, nil
}

// stop lets running requests end and closes everything.
func (s *server) stop() error {
	// While they close, the services complain of each other's absence at every
	// level. Only who asked for details wants to read that.
	if s.logLevel.Level() >= zap.WarnLevel {
		s.logLevel.SetLevel(zap.FatalLevel)
	}
	if s.ui != nil {
		s.ui.Stop()
	}
	return s.temporal.Stop()
}

func newUI(s settings) *uiserver.Server {
	host := s.UIIP.String()
	if s.UIIP.Is6() {
		host = "[" + host + "]"
	}
	return uiserver.NewServer(server_options.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: hostPort(s.IP, s.Port),
		Host:                host,
		Port:                s.UIPort,
		PublicPath:          s.UIPublicPath,
		EnableUI:            true,
		UIAssetPath:         s.UIAssetPath,
		Codec:               uiconfig.Codec{Endpoint: s.UICodecEndpoint, IncludeCredentials: s.UICodecCredentials, DefaultErrorLink: s.UICodecEndpoint},
		CORS:                uiconfig.CORS{CookieInsecure: true}, // served without TLS
		DisableNewsFetch:    true,
		HideLogs:            true,
	}))
}

// createNamespaces writes the namespaces that are missing into the database, so
// that they exist before the first client connects.
func createNamespaces(s settings, db *config.SQL) error {
	var namespaces []*sqlite.NamespaceConfig
	for _, name := range s.Namespaces {
		namespace, err := sqlite.NewNamespaceConfig(clusterName, name, false, s.searchAttributes)
		if err != nil {
			return fmt.Errorf("--search-attribute: %w", err)
		}
		namespaces = append(namespaces, namespace)
	}
	if err := sqlite.CreateNamespaces(db, namespaces...); err != nil {
		if s.DBFilename != "" {
			return fmt.Errorf("--db-filename %s: %w", s.DBFilename, err)
		}
		return err
	}
	return nil
}

// registerSearchAttributes adds those that are missing to namespaces that were
// in the database file already, which createNamespaces leaves as they are.
func registerSearchAttributes(ctx context.Context, s settings) error {
	if s.DBFilename == "" || len(s.searchAttributes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := grpc.NewClient(hostPort(s.IP, s.Port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	operator := operatorservice.NewOperatorServiceClient(conn)

	for _, namespace := range s.Namespaces {
		known, err := operator.ListSearchAttributes(ctx,
			&operatorservice.ListSearchAttributesRequest{Namespace: namespace}, grpc.WaitForReady(true))
		if err != nil {
			return fmt.Errorf("reading search attributes of %s: %w", namespace, err)
		}
		missing := make(map[string]enumspb.IndexedValueType)
		for name, wanted := range s.searchAttributes {
			switch has, ok := known.CustomAttributes[name]; {
			case !ok:
				missing[name] = wanted
			case has != wanted:
				return fmt.Errorf("--search-attribute %s=%s: %s has it as %s; use that, or another file",
					name, wanted, s.DBFilename, has)
			}
		}
		if len(missing) == 0 {
			continue
		}
		if _, err := operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: namespace, SearchAttributes: missing,
		}); err != nil {
			return fmt.Errorf("--search-attribute: adding to %s: %w", namespace, err)
		}
	}
	return nil
}
