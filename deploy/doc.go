// Package deploy is where Parley runs: manifests, templates, rules and dashboards.
// Its Go files only check them. It has a go.mod of its own, so that what the
// checks need stays out of the programs.
package deploy
