package parameters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"parley/internal/secrets"
)

// ErrRefused says that a parameter will not be had by trying again: it is not
// there, or may not be read.
var ErrRefused = errors.New("refused")

// attempts of one fetch, and the longest wait between them: a fetch has two seconds
// for all.
const (
	attempts = 2
	maxWait  = 500 * time.Millisecond
)

// Store finds parameters. Where it is, and who we are there, AWS's library reads
// from its own variables and files, and from the machine we run on; it does so
// when the first value is fetched.
type Store struct {
	log     *slog.Logger
	open    func() (*ssm.Client, error)
	fetches metric.Int64Counter

	mutex  sync.Mutex
	values map[string]*secrets.Kept
}

// Open prepares a store.
func Open(log *slog.Logger, meter metric.Meter) (*Store, error) {
	s := &Store{log: log, open: sync.OnceValues(open), values: map[string]*secrets.Kept{}}
	var err error
	if s.fetches, err = meter.Int64Counter("parley_secret_fetches", metric.WithDescription("Secrets asked of the parameter store.")); err != nil {
		return nil, fmt.Errorf("preparing metrics: %w", err)
	}
	_, err = meter.Int64ObservableGauge("parley_secret_stale", metric.WithDescription("1 while a secret is not known, or used beyond its time, because the parameter store is away."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(s.stale())
			return nil
		}))
	if err != nil {
		return nil, fmt.Errorf("preparing metrics: %w", err)
	}
	return s, nil
}

func open() (*ssm.Client, error) {
	// Between two fetches lie minutes, in which a connection may be forgotten by what
	// is on its way.
	once := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })
	loaded, err := config.LoadDefaultConfig(context.Background(), config.WithRetryer(retryer), config.WithHTTPClient(once))
	if err != nil {
		return nil, fmt.Errorf("%w: reading AWS's settings: %w", ErrRefused, err)
	}
	if loaded.Region == "" {
		return nil, fmt.Errorf("%w: set AWS_REGION to the region of the parameters", ErrRefused)
	}
	return ssm.NewFromConfig(loaded), nil
}

func retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, maxWait })
}

// Parameter is the value that has this name in the store. Space around a value
// is not part of it.
func (s *Store) Parameter(name string) secrets.Value {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.values[name] == nil {
		s.values[name] = secrets.Keep(name, func(ctx context.Context) (string, error) { return s.fetch(ctx, name) }, s.log)
	}
	return s.values[name]
}

func (s *Store) fetch(ctx context.Context, name string) (string, error) {
	value, err := s.read(ctx, name)
	result := "ok"
	if err != nil {
		result = "failed"
	}
	s.fetches.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
	return value, err
}

func (s *Store) read(ctx context.Context, name string) (string, error) {
	client, err := s.open()
	if err != nil {
		return "", fmt.Errorf("reading parameter %s: %w", name, err)
	}
	answer, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		return "", fmt.Errorf("reading parameter %s: %w", name, explain(err))
	}
	if answer.Parameter == nil || strings.TrimSpace(aws.ToString(answer.Parameter.Value)) == "" {
		return "", fmt.Errorf("reading parameter %s: %w: it is empty", name, ErrRefused)
	}
	return strings.TrimSpace(*answer.Parameter.Value), nil
}

// explain says what a person can do. AWS's own words are long, and name the
// account.
func explain(err error) error {
	var answer smithy.APIError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("AWS did not answer in time")
	case !errors.As(err, &answer):
		return errors.New("AWS cannot be reached, or there are no credentials for it: " + short(err))
	}
	switch code := answer.ErrorCode(); code {
	case "ParameterNotFound", "ParameterVersionNotFound":
		return fmt.Errorf("%w: there is no such parameter in this region; create it as a SecureString, or set AWS_REGION", ErrRefused)
	case "AccessDeniedException":
		return fmt.Errorf("%w: allow ssm:GetParameter on it, and kms:Decrypt with its key", ErrRefused)
	case "ValidationException":
		return fmt.Errorf("%w: that is no name of a parameter", ErrRefused)
	default:
		return errors.New("AWS answered " + code)
	}
}

// short is what an error of the library is about in the end.
func short(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

func (s *Store) stale() int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, value := range s.values {
		if value.Stale() {
			return 1
		}
	}
	return 0
}
