package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"

	"parley/internal/settings"
)

// onLambda reports whether AWS Lambda has started us. Then callbacks arrive at
// the function's URL, and nothing listens.
func onLambda(env settings.Env) bool { return env["AWS_LAMBDA_RUNTIME_API"] != "" }

// serveLambda serves until the context ends, which it does once Lambda has no
// use for this process any more; no request is on its way then. The library
// reads the process's own environment, and ends the process if Lambda is gone.
func serveLambda(ctx context.Context, log *slog.Logger, h http.Handler) error {
	log.Info("serving the URL of a Lambda function")
	// Without an extension, which the option registers, Lambda kills without a SIGTERM.
	go lambda.StartWithOptions(functionURL(h), lambda.WithEnableSIGTERM())
	<-ctx.Done()
	log.Info("stopping")
	return nil
}

// functionURL answers what comes to a function's URL whose InvokeMode is
// BUFFERED. The library's own answer is a stream, which a URL does not support
// when the function is in a VPC.
func functionURL(h http.Handler) func(context.Context, *events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLResponse, error) {
	wrapped := lambdaurl.Wrap(h)
	return func(ctx context.Context, request *events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLResponse, error) {
		stream, err := wrapped(ctx, request)
		if err != nil {
			// An invalid path. Anybody can send one, so it is no error of the function.
			return &events.LambdaFunctionURLResponse{StatusCode: http.StatusBadRequest}, nil //nolint:nilerr // answered
		}
		body, err := io.ReadAll(stream.Body)
		if err != nil {
			return nil, err
		}
		return &events.LambdaFunctionURLResponse{StatusCode: stream.StatusCode, Headers: stream.Headers, Body: string(body)}, nil
	}
}

const (
	// flushEvery is how often metrics and spans leave, while there are requests.
	flushEvery = 10 * time.Second
	// flushTimeout is what a callback may be kept waiting for that: Sinch waits too.
	flushTimeout = 500 * time.Millisecond
)

// flushing sends away what was counted before a request is answered: as soon as it
// is, the process may be frozen for hours.
func flushing(next http.Handler, flush func(context.Context), clock func() time.Time) http.Handler {
	var last time.Time
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		// By the wall clock: the other one may stand still while we are frozen.
		now := clock().Round(0)
		if age := now.Sub(last); age >= 0 && age < flushEvery { // Lambda gives us one request at a time
			return
		}
		last = now
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), flushTimeout)
		defer cancel()
		flush(ctx)
	})
}
