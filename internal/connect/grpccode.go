package connect

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"go.temporal.io/api/serviceerror"
)

// code is the gRPC code of an error, be it one of Temporal's own or a plain one.
func code(err error) codes.Code {
	if service, ok := errors.AsType[serviceerror.ServiceError](err); ok {
		return service.Status().Code()
	}
	return status.Code(err)
}

func isUnauthenticated(err error) bool { return code(err) == codes.Unauthenticated }
