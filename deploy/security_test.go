package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestThreatsAreTried: each row of the table in docs/security.md names tests that
// there are, in the folder where it says.
func TestThreatsAreTried(t *testing.T) {
	t.Parallel()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	known := map[string]bool{}
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		folder, wrong := filepath.Rel("..", filepath.Dir(path))
		require.NoError(t, wrong)
		for _, match := range declared.FindAllStringSubmatch(string(raw), -1) {
			known[filepath.ToSlash(folder)+"/: "+match[1]] = true
		}
		return err
	}))

	_, table, found := strings.Cut(readFile(t, "../docs/security.md"), "\n| Threat | Answer | Test |\n|---|---|---|\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	require.Greater(t, len(rows), 25)
	threats := map[string]bool{}
	named := regexp.MustCompile("`([A-Z]\\w+)`")
	for _, row := range rows {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		require.Len(t, cells, 3, row)
		threat, tests := cells[0], cells[2]
		require.False(t, threats[threat], "twice: %s", threat)
		threats[threat] = true
		if tests == "[encryption](privacy.md#encryption)" {
			continue // that page says how it is tested
		}
		tried := 0
		for _, group := range strings.Split(tests, "; ") {
			folder, names, found := strings.Cut(strings.TrimPrefix(group, "`"), "`: ")
			require.True(t, found, "%s: write `folder/`: `TestName`, `TestName`", threat)
			for _, name := range named.FindAllStringSubmatch(names, -1) {
				require.True(t, known[folder+": "+name[1]], "%s: there is no %s in %s", threat, name[1], folder)
				tried++
			}
		}
		require.Positive(t, tried, "nothing tries: %s", threat)
	}
}
