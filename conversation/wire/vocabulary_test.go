package wire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
)

// TestWords: a word of a type that is written to histories is in the list.
func TestWords(t *testing.T) {
	t.Parallel()
	elsewhere := []string{"Encoding", "Doubt"} // are never written down
	words, found := wire.Words(), 0
	for _, folder := range []string{".", "../engine", "../../sms", "../../activities"} {
		paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok || len(spec.Values) != 1 {
					return true
				}
				named, isNamed := spec.Type.(*ast.Ident)
				literal, isLiteral := spec.Values[0].(*ast.BasicLit)
				if !isNamed || !isLiteral || literal.Kind != token.STRING || named.Name == "string" {
					return true
				}
				word, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				if slices.Contains(elsewhere, named.Name) {
					return true
				}
				found++
				require.Contains(t, words, word, "%s in %s", spec.Names[0].Name, path)
				return true
			})
		}
	}
	require.Greater(t, found, 30)
}
