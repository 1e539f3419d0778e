package connect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"

	"parley/conversation/wire"
)

var searchAttributes = []temporal.SearchAttributeKey{
	wire.StateAttribute, wire.AttentionAttribute, wire.ScriptAttribute,
}

// NeedsAttributes is a query that a server refuses which does not know them all.
var NeedsAttributes = fmt.Sprintf("%s = 'none' AND %s = true AND %s = 'none'",
	wire.StateAttribute.GetName(), wire.AttentionAttribute.GetName(), wire.ScriptAttribute.GetName())

// How long a new attribute may take to be known to all of the server. One in
// front of PostgreSQL reads its namespaces every ten seconds.
const (
	attributesTimeout = 30 * time.Second
	attributesPause   = 100 * time.Millisecond
)

// EnsureSearchAttributes makes sure that lists of conversations can be filtered,
// and registers what is missing where it may. Where it may not, as on Temporal
// Cloud, registered is false and command is what a person can run instead: a
// workflow that sets an attribute that is not there stands still for ever, so
// conversations then do without.
//
// An error comes with a command only if the server refused to register for a
// reason of its own; otherwise nothing is known about the attributes.
func EnsureSearchAttributes(ctx context.Context, c client.Client, namespace string) (registered bool, command string, err error) {
	ctx, cancel := context.WithTimeout(ctx, attributesTimeout)
	defer cancel()

	known, err := listed(ctx, c, namespace)
	switch {
	case mayNot(err):
		return false, create(namespace, searchAttributes), nil
	case err != nil:
		return false, "", fmt.Errorf("looking up search attributes: %w", err)
	}
	var missing []temporal.SearchAttributeKey
	for _, key := range searchAttributes {
		switch known[key.GetName()] {
		case key.GetValueType():
		case enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED:
			missing = append(missing, key)
		default: // somebody else's, or a mistake: not ours to remove
			return false, fmt.Sprintf("temporal operator search-attribute remove --namespace %s --name %s && %s",
				namespace, key.GetName(), create(namespace, []temporal.SearchAttributeKey{key})), nil
		}
	}
	if len(missing) == 0 {
		return true, "", nil
	}

	add := &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: map[string]enumspb.IndexedValueType{}}
	for _, key := range missing {
		add.SearchAttributes[key.GetName()] = key.GetValueType()
	}
	_, failure := c.OperatorService().AddSearchAttributes(ctx, add)
	if mayNot(failure) {
		return false, create(namespace, missing), nil
	}
	if code(failure) == codes.AlreadyExists { // another worker was quicker
		failure = nil
	}
	for !usable(ctx, c, namespace) {
		if failure != nil {
			return false, create(namespace, missing), fmt.Errorf("registering search attributes: %w", failure)
		}
		select {
		case <-time.After(attributesPause):
		case <-ctx.Done():
			return false, "", errors.New("registering search attributes: the server does not know them yet; start again in a minute")
		}
	}
	return true, "", nil
}

func listed(ctx context.Context, c client.Client, namespace string) (map[string]enumspb.IndexedValueType, error) {
	answer, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	return answer.GetCustomAttributes(), err
}

// usable asks twice: the list may be fresher than what the server checks
// workflows and queries against, and only a query shows the latter.
func usable(ctx context.Context, c client.Client, namespace string) bool {
	known, err := listed(ctx, c, namespace)
	if err != nil {
		return false
	}
	for _, key := range searchAttributes {
		if known[key.GetName()] != key.GetValueType() {
			return false
		}
	}
	_, err = c.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: NeedsAttributes})
	return code(err) != codes.InvalidArgument // any other error says nothing about attributes
}

// mayNot tells a server that does not let us register, or does not know how.
func mayNot(err error) bool {
	c := code(err)
	return c == codes.PermissionDenied || c == codes.Unauthenticated || c == codes.Unimplemented
}

// create is one command per attribute, since the command line takes one type only.
func create(namespace string, keys []temporal.SearchAttributeKey) string {
	commands := make([]string, len(keys))
	for i, key := range keys {
		commands[i] = fmt.Sprintf("temporal operator search-attribute create --namespace %s --name %s --type %s", namespace, key.GetName(), key.GetValueType())
	}
	return strings.Join(commands, " && ")
}
