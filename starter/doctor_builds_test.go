package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	conversations "parley/conversation/client"
	"parley/conversation/engine"
	"parley/internal/doctor"
)

// TestDoctorSeesBuilds: a build that nobody made current gets no new work, which
// looks as if all were well.
func TestDoctorSeesBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.production()
	start := func(build string) {
		b := worker.New(w.temporal, queue, worker.Options{DeploymentOptions: worker.DeploymentOptions{
			UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: "parley", BuildID: build},
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
		}})
		engine.Register(b, &engine.Toolkit{Settings: w.settings})
		conversations.Telling{Teller: w.reach}.Register(b)
		require.NoError(t, b.Start())
		t.Cleanup(b.Stop)
	}
	finds := func(status doctor.Status, words string) (all findings) {
		t.Helper()
		require.Eventually(t, func() bool {
			stdout, _, _ := parley(t, w.env, "doctor", "--json")
			all = unmarshal[findings](t, stdout)
			for _, f := range all {
				if f.Check == "builds" && f.Status == status && f.Found == words {
					return true
				}
			}
			return false
		}, time.Minute, 100*time.Millisecond, "%s %q", status, words)
		return all
	}

	start("1")
	all := finds(doctor.Fail, "new conversations and scripts wait: of the builds that run, none is the current one: parley:1")
	require.Contains(t, all, doctor.Finding{
		Check: "builds", Status: doctor.Fail, Found: "new conversations and scripts wait: of the builds that run, none is the current one: parley:1",
		Advice: "temporal worker deployment set-current-version --deployment-name parley --build-id 1",
	})

	require.Eventually(t, func() bool { // the server hears of a build from its worker
		_, err := w.temporal.WorkerDeploymentClient().GetHandle("parley").SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: "1"})
		return err == nil
	}, time.Minute, 200*time.Millisecond)
	finds(doctor.OK, "the current one is parley:1; running: parley:1")
	start("2")
	for _, f := range finds(doctor.OK, "the current one is parley:1; running: parley:1, parley:2") {
		if f.Check == "workers" {
			require.Equal(t, doctor.OK, f.Status, "side by side is no mistake: %v", f)
		}
	}
}
