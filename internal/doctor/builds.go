package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	conversations "parley/conversation/client"
)

// examineBuilds finds out which build gets new conversations. Workers with a
// version get none before theirs is made current, and nothing else would say so.
func examineBuilds(described *workflowservice.DescribeTaskQueueResponse) []Finding {
	const check = "builds"
	const makeCurrent = "temporal worker deployment set-current-version --deployment-name "
	alive := map[string]bool{} // "<deployment>:<build>", or empty for those without
	for _, p := range described.GetPollers() {
		if conversations.IsAlive(p) {
			alive[versionOf(p.GetDeploymentOptions())] = true
		}
	}
	versioned := slices.DeleteFunc(slices.Sorted(maps.Keys(alive)), func(v string) bool { return v == "" })
	info := described.GetVersioningInfo()
	current := nameOf(info.GetCurrentDeploymentVersion())
	running := strings.Join(versioned, ", ")
	switch {
	case len(versioned) == 0 && current == "":
		return nil // no versioning
	case current == "" && !alive[""]:
		deployment, build, _ := strings.Cut(versioned[len(versioned)-1], ":")
		return []Finding{failed(check, makeCurrent+deployment+" --build-id "+build, "new conversations and scripts wait: of the builds that run, none is the current one: %s", running)}
	case current == "":
		return []Finding{warned(check, makeCurrent+"NAME --build-id ID, or stop the workers without a version",
			"new conversations and scripts go to workers without a version; these builds get none: %s", running)}
	case !alive[current] && len(alive) > 0:
		return []Finding{failed(check, "start a worker of it, or make a build the current one that runs",
			"new conversations and scripts wait: the current build is %s, and no worker is of it", current)}
	}
	ramping := ""
	if share := info.GetRampingVersionPercentage(); share > 0 {
		ramping = fmt.Sprintf("; %g %% of new work goes to %s", share, cmp.Or(nameOf(info.GetRampingDeploymentVersion()), "workers without a version"))
	}
	return []Finding{fine(check, "the current one is %s; running: %s%s", current, running, ramping)}
}

func versionOf(o *deploymentpb.WorkerDeploymentOptions) string {
	if o.GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		return ""
	}
	return o.GetDeploymentName() + ":" + o.GetBuildId()
}

func nameOf(v *deploymentpb.WorkerDeploymentVersion) string {
	if v.GetBuildId() == "" {
		return ""
	}
	return v.GetDeploymentName() + ":" + v.GetBuildId()
}
