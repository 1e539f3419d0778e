package doctor

import (
	"maps"
	"slices"
	"strings"

	"go.temporal.io/api/workflowservice/v1"

	conversations "parley/conversation/client"
	"parley/internal/wording"
)

func buildsOf(described *workflowservice.DescribeTaskQueueResponse, builds map[string]string) {
	for _, p := range described.GetPollers() {
		if !conversations.IsAlive(p) {
			continue
		}
		if version := versionOf(p.GetDeploymentOptions()); version != "" {
			builds[p.GetIdentity()] = version
		} else if !strings.Contains(builds[p.GetIdentity()], ":") { // a process with a version sends without
			builds[p.GetIdentity()] = p.GetDeploymentOptions().GetBuildId()
		}
	}
}

// workersFound lists the processes, and the builds that they say they are of.
func (e *examination) workersFound(builds map[string]string) Finding {
	const check = "workers"
	names := slices.Sorted(maps.Keys(builds))
	known := map[string]bool{}
	for i, name := range names {
		if !strings.Contains(builds[name], ":") { // those with a version are meant to run side by side
			known[builds[name]] = true
		}
		if builds[name] != "" {
			names[i] += " (" + builds[name] + ")"
		}
	}
	switch {
	case len(names) == 0:
		return failed(check, "texts are taken, and wait: start a worker", "none was heard of in the last %s", conversations.PollTime)
	case len(known) > 1:
		return warned(check, "let a deployment come to its end", "of %s: %s", wording.Counted(len(known), "build"), strings.Join(names, ", "))
	}
	return fine(check, "heard of in the last %s: %s", conversations.PollTime, strings.Join(names, ", "))
}
