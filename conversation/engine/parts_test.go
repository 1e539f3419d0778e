package engine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
)

// owners are the parts to which the fields of the state belong.
var owners = map[string]string{
	"Inbox": "inbox", "Seen": "inbox", "Skipped": "inbox",
	"OptedOut": "consent", "OptedIn": "consent",
	"Questions": "questions", "Outcomes": "questions", "Says": "says", "Watches": "watches", "Floor": "floor",
	"Backlog": "responder", "Turn": "responder", "Redo": "responder",
	"Outbox": "outbox", "Held": "held", "Requests": "outbox", "LastKey": "outbox", "RepliedAt": "gate",
	"Transcript": "transcript", "EarlyReceipts": "transcript", "LastDropped": "transcript",
	"Parked": "desk", "Mended": "desk", "Concerns": "desk", "LastParked": "desk",
	"Errands": "errands",
	"Before":  "archive", "Recalled": "archive", "Evictees": "archive", "ArchiveAt": "archive", "ArchiveAway": "archive",
}

// TestPartsKeepToThemselves: no part reaches for the state of another.
func TestPartsKeepToThemselves(t *testing.T) {
	t.Parallel()
	for piece := range reflect.TypeFor[wire.State]().Fields() {
		if piece.Name != "Life" { // which all share
			for field := range piece.Type.Fields() {
				require.Contains(t, owners, field.Name, "who owns it?")
			}
		}
	}
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || len(f.Recv.List[0].Names) == 0 {
				continue
			}
			star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			receiver, part := f.Recv.List[0].Names[0].Name, star.X.(*ast.Ident).Name
			ast.Inspect(f, func(n ast.Node) bool {
				field, ok := n.(*ast.SelectorExpr)
				if !ok || owners[field.Sel.Name] == "" {
					return true
				}
				of := ""
				switch x := field.X.(type) {
				case *ast.Ident:
					if x.Name == receiver {
						of = part
					}
				case *ast.SelectorExpr: // another part's, through its name
					if base, ok := x.X.(*ast.Ident); ok && base.Name == receiver && isPart(x.Sel.Name) {
						of = "another part: " + x.Sel.Name
					}
				}
				if of != "" {
					require.Equal(t, owners[field.Sel.Name], of, "%s: %s of a %s", set.Position(n.Pos()), field.Sel.Name, part)
				}
				return true
			})
		}
	}
}

func isPart(name string) bool {
	_, ok := reflect.TypeFor[parts]().FieldByName(name)
	return ok
}
