package connect_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/internal/connect"
)

// strictServer answers about search attributes as it is told to.
type strictServer struct {
	workflowservice.UnimplementedWorkflowServiceServer
	operatorservice.UnimplementedOperatorServiceServer
	known      map[string]enums.IndexedValueType
	list, add  error
	namespaces error
}

func (s *strictServer) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (s *strictServer) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{}, s.namespaces
}

func (s *strictServer) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: s.known}, s.list
}

func (s *strictServer) AddSearchAttributes(context.Context, *operatorservice.AddSearchAttributesRequest) (*operatorservice.AddSearchAttributesResponse, error) {
	return &operatorservice.AddSearchAttributesResponse{}, s.add
}

func (s *strictServer) start(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, s)
	operatorservice.RegisterOperatorServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

const createAll = "temporal operator search-attribute create --namespace default --name ParleyState --type Keyword && " +
	"temporal operator search-attribute create --namespace default --name ParleyNeedsAttention --type Bool && " +
	"temporal operator search-attribute create --namespace default --name ParleyScript --type KeywordList"

func TestEnsureSearchAttributesWhereItMayNot(t *testing.T) {
	t.Parallel()
	denied := status.Error(codes.PermissionDenied, "Request unauthorized.")
	tests := []struct {
		name    string
		server  strictServer
		command string
		err     string
	}{
		{"may not even look", strictServer{list: denied}, createAll, ""},
		{"an old server", strictServer{list: status.Error(codes.Unimplemented, "unknown method")}, createAll, ""},
		{"may look, not register", strictServer{add: denied}, createAll, ""},
		{
			"only one is missing",
			strictServer{add: denied, known: map[string]enums.IndexedValueType{
				"ParleyState": enums.INDEXED_VALUE_TYPE_KEYWORD, "ParleyNeedsAttention": enums.INDEXED_VALUE_TYPE_BOOL,
			}},
			"temporal operator search-attribute create --namespace default --name ParleyScript --type KeywordList", "",
		},
		{
			"another type",
			strictServer{known: map[string]enums.IndexedValueType{"ParleyState": enums.INDEXED_VALUE_TYPE_TEXT}},
			"temporal operator search-attribute remove --namespace default --name ParleyState && " +
				"temporal operator search-attribute create --namespace default --name ParleyState --type Keyword", "",
		},
		{
			"no room for more",
			strictServer{add: status.Error(codes.InvalidArgument, "cannot have more than 3 search attribute of type Bool")},
			createAll, "registering search attributes: cannot have more than 3",
		},
		{"the list fails", strictServer{list: status.Error(codes.Internal, "shard is lost")}, "", "looking up search attributes: shard is lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, err := connect.Options(quiet(), env("TEMPORAL_ADDRESS", tt.server.start(t)), nil)
			require.NoError(t, err)
			c, err := connect.Dial(t.Context(), o)
			require.NoError(t, err)
			defer c.Close()
			registered, command, err := connect.EnsureSearchAttributes(t.Context(), c, o.Namespace)
			require.False(t, registered)
			require.Equal(t, tt.command, command)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.err)
		})
	}
}

func TestNotLetIn(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.PermissionDenied, codes.Unauthenticated} {
		server := strictServer{namespaces: status.Error(code, "Request unauthorized.")}
		o, err := connect.Options(quiet(), env("TEMPORAL_ADDRESS", server.start(t)), nil)
		require.NoError(t, err)
		_, err = connect.Dial(t.Context(), o)
		require.ErrorContains(t, err, "it does not let us in; check TEMPORAL_API_KEY")
	}
}
