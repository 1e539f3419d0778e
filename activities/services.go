package activities

import (
	"context"
	"encoding/json"

	"parley/conversation/wire"
)

// A Service is told things. It may be told the same twice, under the same id.
type Service interface {
	Tell(ctx context.Context, id string, body json.RawMessage) error
}

// Services are told what conversations and scripts have to say to other systems.
type Services map[wire.Hook]Service

// TellService runs an errand. One for a service that is not set any more is done.
func (s Services) TellService(ctx context.Context, e wire.Errand) error {
	if service := s[e.Hook]; service != nil {
		return service.Tell(ctx, e.ID, e.Body)
	}
	return nil
}

// Posted is a service that is told by HTTP.
type Posted struct {
	Hook    Hook
	Setting string // that the hook comes from, for errors
}

// Tell posts the body, and fails unless it is answered 2xx.
func (p Posted) Tell(ctx context.Context, id string, body json.RawMessage) error {
	return p.Hook.Tell(ctx, p.Setting, id, body)
}
