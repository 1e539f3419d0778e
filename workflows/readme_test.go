package workflows_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// What README says about writing a script is what is tested here.
func TestREADMEShowsTheScriptAsItIs(t *testing.T) {
	t.Parallel()

	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	script, err := os.ReadFile("feedback.go")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```go\n"+string(script)+"```\n")
}
