package conversation_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNames: who types "conversation." is offered the language, and nothing else.
func TestNames(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var names []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			names = append(names, declared(d)...)
		}
	}
	slices.Sort(names)
	require.Equal(t, []string{
		"About", "Answer", "AnyText", "Ask", "Chat", "Delivered", "Delivery", "DeliveryUnknown", "Do", "EndKind", "Ending",
		"ErrNoReply", "ErrNotUnderstood", "ErrOptedOut", "ErrTakenOver", "ErrTooLate", "ErrUndeliverable", "ErrWithdrawn",
		"InDoubt", "Interceptor", "NotDelivered", "OneOf", "Option", "Over", "Park", "Question", "Report", "Reporting", "Resend",
		"Said", "SayOption", "SleepUntil", "Until", "WhenInDoubt", "With",
	}, names)
}

// declared are the exported names of a declaration, without methods.
func declared(d ast.Decl) (names []string) {
	add := func(name *ast.Ident) {
		if name.IsExported() {
			names = append(names, name.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			add(d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				add(s.Name)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					add(name)
				}
			}
		}
	}
	return names
}
