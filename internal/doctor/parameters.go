package doctor

import (
	"context"
	"errors"
	"strings"
	"sync"

	"parley/internal/secrets/parameters"
)

// keptApart are the settings whose values may be in AWS's parameter store.
var keptApart = []string{"SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET", "SINCH_WEBHOOK_SECRET", "SINCH_RECEIPTS_SECRET", "TEMPORAL_API_KEY", "PARLEY_ENCRYPTION_KEYS", "PARLEY_ID_KEY"}

// examineParameters reads, at the same time, what is kept in the parameter store.
func (e *examination) examineParameters(ctx context.Context) []Finding {
	found := make([]Finding, len(keptApart))
	var reading sync.WaitGroup
	for i, setting := range keptApart {
		name := strings.TrimSpace(e.Env[setting+"_PARAM"])
		switch {
		case name == "":
		case strings.TrimSpace(e.Env[setting]) != "":
			found[i] = warned("parameter store", "take one of both away", "%s_PARAM is not used: %s is set itself", setting, setting)
		default:
			reading.Go(func() { found[i] = e.examineParameter(ctx, setting, name) })
		}
	}
	reading.Wait()
	var all []Finding
	for _, f := range found {
		if f.Check != "" {
			all = append(all, f)
		}
	}
	return all
}

func (e *examination) examineParameter(ctx context.Context, setting, name string) Finding {
	const check = "parameter store"
	_, err := e.Parameters.Parameter(name).Get(ctx)
	switch {
	case errors.Is(err, parameters.ErrRefused):
		return failed(check, "see docs/secrets.md", "%s: %v", setting, err)
	case err != nil:
		return failed(check, "programs that know the value go on with it; those that start now wait for it", "%s: %v", setting, err)
	}
	return fine(check, "%s is read from %s", setting, name)
}
