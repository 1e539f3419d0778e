package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// database is one of vulnerabilities, in the form of https://go.dev/doc/security/vuln/database.
func database(t *testing.T, entries ...map[string]any) (url string) {
	t.Helper()
	dir := t.TempDir()
	write := func(path string, content any) {
		raw, err := json.Marshal(content)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), raw, 0o600))
	}
	const modified = "2026-01-01T00:00:00Z"
	modules := []any{}
	for _, e := range entries {
		e["modified"], e["published"] = modified, modified
		write(filepath.Join("ID", e["id"].(string)+".json"), e)
		modules = append(modules, map[string]any{"path": e["module"], "vulns": []any{map[string]any{"id": e["id"], "modified": modified}}})
	}
	write("index/db.json", map[string]any{"modified": modified})
	write("index/modules.json", modules)
	return "file://" + dir
}

// vuln runs what make vuln runs, for one package.
func vuln(t *testing.T, environment ...string) (string, int) {
	t.Helper()
	require.FileExists(t, "../.bin/govulncheck", "make .bin/govulncheck")
	command := exec.CommandContext(t.Context(), "../tools/vuln", "./sms/numbers")
	command.Env = append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return string(output), command.ProcessState.ExitCode()
}

// TestVulnerabilitiesAreFound: what is known fails, what cannot be known is said.
func TestVulnerabilitiesAreFound(t *testing.T) {
	t.Parallel()
	output, code := vuln(t, "GOVULNDB="+database(t))
	require.Zero(t, code, output)
	require.Contains(t, output, "No vulnerabilities found")

	module := "github.com/nyaruka/phonenumbers"
	output, code = vuln(t, "GOVULNDB="+database(t, map[string]any{
		"schema_version": "1.3.1", "id": "GO-2026-0001", "module": module, "summary": "numbers are read wrongly", "details": "made up",
		"affected": []any{map[string]any{
			"package":            map[string]any{"name": module, "ecosystem": "Go"},
			"ranges":             []any{map[string]any{"type": "SEMVER", "events": []any{map[string]any{"introduced": "0"}}}},
			"ecosystem_specific": map[string]any{"imports": []any{map[string]any{"path": module, "symbols": []any{"Parse"}}}},
		}},
	}))
	require.NotZero(t, code, output)
	require.Contains(t, output, "GO-2026-0001")

	output, code = vuln(t, "GOVULNDB=", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=")
	require.Zero(t, code, output)
	require.Contains(t, output, "NOT CHECKED")

	output, code = vuln(t, "GOVULNDB=no database")
	require.NotZero(t, code, output)
}
