package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// A panel is what is checked of one.
type panel struct {
	ID         int    `json:"id"`
	Type       string `json:"type"`
	Title      string `json:"title"`
	Datasource struct {
		UID string `json:"uid"`
	} `json:"datasource"`
	GridPos struct{ X, Y, W, H int } `json:"gridPos"`
	Targets []struct {
		RefID      string `json:"refId"`
		Expr       string `json:"expr"`
		Datasource struct {
			UID string `json:"uid"`
		} `json:"datasource"`
	} `json:"targets"`
}

func panels(t *testing.T) []panel {
	t.Helper()
	var dashboard struct {
		UID        string  `json:"uid"`
		Title      string  `json:"title"`
		Panels     []panel `json:"panels"`
		Templating struct {
			List []struct {
				Name  string `json:"name"`
				Type  string `json:"type"`
				Query string `json:"query"`
			} `json:"list"`
		} `json:"templating"`
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(readFile(t, "grafana/parley.json"))))
	require.NoError(t, decoder.Decode(&dashboard))
	require.NotEmpty(t, dashboard.UID)
	require.NotEmpty(t, dashboard.Title)
	require.Len(t, dashboard.Templating.List, 1)
	require.Equal(t, "datasource", dashboard.Templating.List[0].Name)
	require.Equal(t, "datasource", dashboard.Templating.List[0].Type)
	require.Equal(t, "prometheus", dashboard.Templating.List[0].Query)
	return dashboard.Panels
}

func TestDashboardPanels(t *testing.T) {
	t.Parallel()
	ids := map[int]string{}
	cells := map[[2]int]string{}
	for _, p := range panels(t) {
		require.NotZero(t, p.ID, p.Title)
		require.NotEmpty(t, p.Title)
		require.NotContains(t, ids, p.ID, "%q and %q have the same id", p.Title, ids[p.ID])
		ids[p.ID] = p.Title
		require.Positive(t, p.GridPos.W*p.GridPos.H, p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, "%q is wider than the page", p.Title)
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				require.NotContains(t, cells, [2]int{x, y}, "%q lies over %q", p.Title, cells[[2]int{x, y}])
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		require.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		refs := map[string]bool{}
		for _, target := range p.Targets {
			require.False(t, refs[target.RefID], "%q has two queries %s", p.Title, target.RefID)
			refs[target.RefID] = true
			require.Equal(t, "${datasource}", target.Datasource.UID, p.Title)
			requireKnown(t, target.Expr)
		}
	}
}

// TestDashboardExpressionsParse makes a recording rule of each, since that is how
// promtool reads expressions.
func TestDashboardExpressionsParse(t *testing.T) {
	t.Parallel()
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			expression := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			rules = append(rules, rule{fmt.Sprintf("panel_%d:%s", p.ID, target.RefID), expression})
		}
	}
	require.NotEmpty(t, rules)
	file, err := yaml.Marshal(map[string]any{"groups": []map[string]any{{"name": "panels", "rules": rules}}})
	require.NoError(t, err)
	promtool(t, "check", "rules", tempFile(t, string(file)))
}
