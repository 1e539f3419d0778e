package encryption

import (
	"context"
	"errors"
	"time"

	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
)

// Apply gives a client what encrypts and decrypts. What it cannot read is an error
// for who asked.
func Apply(o *client.Options, keys *Keys) {
	use(o, keys, errs(keys))
}

// ApplyToWorker gives it to a client that a worker is made of: in workflow code,
// what cannot be read fails the task, until it can be read.
func ApplyToWorker(o *client.Options, keys *Keys) {
	use(o, keys, inWorker{DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), insistent{keys}), elsewhere: errs(keys)})
}

func errs(keys *Keys) converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), Codec{keys})
}

func use(o *client.Options, keys *Keys, data converter.DataConverter) {
	o.DataConverter = data
	o.FailureConverter = failures{
		keys:  keys,
		data:  data,
		plain: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data}),
		coded: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data, EncodeCommonAttributes: true}),
	}
}

// inWorker insists in workflow code and in what the SDK does for it, and gives
// errors to activities and to clients, which have a context.
type inWorker struct {
	converter.DataConverter
	elsewhere converter.DataConverter
}

// The SDK passes over a converter whose methods it does not know.
var _ converter.ContextAware = inWorker{}

// WithWorkflowContext implements converter.ContextAware.
func (c inWorker) WithWorkflowContext(workflow.Context) converter.DataConverter { return c }

// WithContext implements converter.ContextAware.
func (c inWorker) WithContext(context.Context) converter.DataConverter { return c.elsewhere }

// failures encrypts the words and the stack of errors too, as soon as anything is
// encrypted.
type failures struct {
	keys         *Keys
	data         converter.DataConverter
	plain, coded converter.FailureConverter
}

const (
	// codeNoKey is seen where the carrier's codes are.
	codeNoKey = "NO_ENCRYPTION_KEY"
	// retryUnreadable is when an activity whose input cannot be read is tried again:
	// a worker that fails at once would else use up all tries in a moment.
	retryUnreadable = 20 * time.Second
)

// ErrorToFailure says of an activity that could not read its input that it has not
// begun. In particular, no text has left.
func (f failures) ErrorToFailure(err error) *failurepb.Failure {
	if unreadable, ok := errors.AsType[*Unreadable](err); ok {
		err = temporal.NewApplicationErrorWithOptions(unreadable.Error(), wire.SendNotTaken,
			temporal.ApplicationErrorOptions{NextRetryDelay: retryUnreadable, Details: []any{codeNoKey, retryUnreadable}})
	}
	if f.keys.Encrypting() != "" {
		return f.coded.ErrorToFailure(err)
	}
	return f.plain.ErrorToFailure(err)
}

// FailureToError reads both kinds. Where the words cannot be read, it says why.
func (f failures) FailureToError(failure *failurepb.Failure) error {
	for part := failure; part != nil; part = part.GetCause() {
		if part.GetEncodedAttributes() == nil {
			continue
		}
		var words any
		if unreadable, ok := errors.AsType[*Unreadable](f.data.FromPayload(part.GetEncodedAttributes(), &words)); ok {
			part.Message = unreadable.Error()
		}
	}
	return f.plain.FailureToError(failure)
}
