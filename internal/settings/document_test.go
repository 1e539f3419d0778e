package settings

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/settings.md")

// programs are where the settings of each are declared. What two of them read is
// told as the first one's help has it.
var programs = []struct{ name, folder, root string }{
	{"worker", "worker", "cli"},
	{"webhook", "webhook", "cli"},
	{"parley", "starter", "cli"},
	{"codec-server", "starter", "codecServerCmd"},
	{"simulator", "simulator", "cli"},
}

// A documented setting is one environment variable.
type documented struct {
	name, help, fallback string
	readers              []string
}

// A source holds the structs of one package.
type source struct {
	structs map[string]*ast.StructType
	metrics string // the default of PARLEY_METRICS_ADDR
}

func read(t *testing.T, folder string) source {
	t.Helper()
	s := source{structs: map[string]*ast.StructType{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if fields, ok := n.Type.(*ast.StructType); ok {
					s.structs[n.Name.Name] = fields
				}
			case *ast.ValueSpec:
				if n.Names[0].Name == "usualMetrics" {
					s.metrics = unquote(t, n.Values[0])
				}
			}
			return true
		})
	}
	return s
}

func unquote(t *testing.T, literal ast.Expr) string {
	t.Helper()
	text, err := strconv.Unquote(literal.(*ast.BasicLit).Value)
	require.NoError(t, err)
	return text
}

// A document is the settings in groups, each in the order of their declaration.
type document struct {
	groups []string
	under  map[string][]*documented
	byName map[string]*documented
	shared source // this package
}

// add goes through a struct as kong does, but for the commands that are programs
// of their own here.
func (d *document) add(t *testing.T, program, group string, vars kong.Vars, in source, structName string) {
	t.Helper()
	require.Contains(t, in.structs, structName)
	for _, field := range in.structs[structName].Fields.List {
		var tag reflect.StructTag
		if field.Tag != nil {
			tag = reflect.StructTag(unquote(t, field.Tag))
		}
		group := cmp.Or(tag.Get("group"), group)
		env := tag.Get("env")
		if env == "" {
			switch typ := field.Type.(type) {
			case *ast.SelectorExpr:
				if _, ok := d.shared.structs[typ.Sel.Name]; ok && fmt.Sprint(typ.X) == "settings" {
					d.add(t, program, group, vars, d.shared, typ.Sel.Name)
				}
			case *ast.Ident:
				if _, ok := in.structs[typ.Name]; ok && typ.Name != "codecServerCmd" {
					d.add(t, program, group, vars, in, typ.Name)
				}
			}
			continue
		}
		s := d.byName[env]
		if s == nil {
			s = &documented{name: env}
			s.fallback = expand(t, tag.Get("default"), vars)
			help := strings.TrimSuffix(strings.TrimSuffix(tag.Get("help"), " Default: ${default}."), " Default: ${default}")
			s.help = expand(t, help, vars.CloneWith(kong.Vars{"enum": tag.Get("enum")}))
			if !slices.Contains(d.groups, group) {
				d.groups = append(d.groups, group)
			}
			d.byName[env], d.under[group] = s, append(d.under[group], s)
		}
		if !slices.Contains(s.readers, program) {
			s.readers = append(s.readers, program)
		}
	}
}

func expand(t *testing.T, text string, vars kong.Vars) string {
	t.Helper()
	return os.Expand(text, func(name string) string {
		require.Contains(t, vars, name)
		return vars[name]
	})
}

func (d *document) String() string {
	var b strings.Builder
	for _, group := range d.groups {
		fmt.Fprintf(&b, "\n## %s\n\n| Setting | Meaning | Default | Read by |\n|---|---|---|---|\n", group)
		for _, s := range d.under[group] {
			fallback := s.fallback
			if fallback != "" {
				fallback = "`" + fallback + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, s.help, fallback, strings.Join(s.readers, ", "))
		}
	}
	return b.String()
}

// TestDocument compares docs/settings.md, below its own words, with the settings
// themselves; -update writes it.
func TestDocument(t *testing.T) {
	t.Parallel()
	const path, end = "../../docs/settings.md", "-update`\n"
	d := document{under: map[string][]*documented{}, byName: map[string]*documented{}, shared: read(t, ".")}
	sources := map[string]source{}
	var metrics []string
	for _, p := range programs {
		s := read(t, filepath.Join("../..", p.folder))
		sources[p.name] = s
		if s.metrics != "" {
			metrics = append(metrics, fmt.Sprintf("%s (%s)", s.metrics, p.name))
		}
	}
	vars := defaults().(kong.Vars).CloneWith(kong.Vars{"metrics_addr": strings.Join(metrics, ", ")})
	for _, p := range programs {
		d.add(t, p.name, p.name, vars, sources[p.name], p.root)
	}

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	words, made, ok := strings.Cut(string(text), end)
	require.True(t, ok, "docs/settings.md has lost the line that ends its own words")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(words+end+d.String()), 0o600)) //nolint:gosec // the document
		return
	}
	if made != d.String() {
		t.Fatal("docs/settings.md is not what the settings say: go test ./internal/settings -run TestDocument -update writes it")
	}

	example, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	for name := range d.byName {
		require.Regexp(t, `(?m)^#?`+name+`=`, string(example))
	}
}
