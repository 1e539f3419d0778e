package settings

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/worker"
)

// Versioning says of which build a worker is, for Temporal's Worker Deployment
// Versioning. Its variables have no PARLEY_ in their names because Temporal's own
// tools for Kubernetes set them.
type Versioning struct {
	DeploymentName string `env:"TEMPORAL_DEPLOYMENT_NAME" placeholder:"NAME" help:"Worker deployment of this worker, if builds run side by side; the same for all builds. Needs TEMPORAL_WORKER_BUILD_ID. New work then goes to the build that 'temporal worker deployment set-current-version' names, and to none before. Default: no versioning."`
	BuildID        string `env:"TEMPORAL_WORKER_BUILD_ID" placeholder:"ID" help:"This build, another one for each change of code, such as a commit. Needs TEMPORAL_DEPLOYMENT_NAME."`
}

// longestName is what the server takes of either.
const longestName = 480

// Version is that of the worker, and empty for one without.
func (v Versioning) Version() (worker.WorkerDeploymentVersion, error) {
	version := worker.WorkerDeploymentVersion{DeploymentName: v.DeploymentName, BuildID: v.BuildID}
	var errs []error
	switch {
	case v.DeploymentName != "" && v.BuildID == "":
		errs = append(errs, errors.New("set TEMPORAL_WORKER_BUILD_ID too, to another value for each build, or leave out TEMPORAL_DEPLOYMENT_NAME"))
	case v.DeploymentName == "" && v.BuildID != "":
		errs = append(errs, errors.New("set TEMPORAL_DEPLOYMENT_NAME too, to the same value for all builds, or leave out TEMPORAL_WORKER_BUILD_ID"))
	}
	if strings.ContainsAny(v.DeploymentName, ".:") {
		errs = append(errs, errors.New("TEMPORAL_DEPLOYMENT_NAME must hold no dot and no colon, such as parley"))
	}
	if strings.HasPrefix(v.DeploymentName, "__") || strings.HasPrefix(v.BuildID, "__") || max(len(v.DeploymentName), len(v.BuildID)) > longestName {
		errs = append(errs, fmt.Errorf("TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID must not begin with two underscores, nor be longer than %d bytes", longestName))
	}
	return version, errors.Join(errs...)
}
