package numbers_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sms"
	"parley/sms/numbers"
)

type Place struct {
	Phone sms.Number `json:"phone"`
}

type visit struct {
	Place

	Contact sms.Number            `json:"contact"`
	Sender  sms.Sender            `json:"sender,omitempty"`
	Second  *sms.Number           `json:"second"`
	Others  []sms.Number          `json:"others"`
	Named   map[string]sms.Number `json:"named"`
	Family  []visit               `json:"family"`
	At      time.Time             `json:"at"`
	Text    string                `json:"text"`
	Any     any                   `json:"any"`
	Plain   sms.Number
	hidden  sms.Number
}

func TestInJSON(t *testing.T) {
	t.Parallel()
	require.Empty(t, visit{}.hidden)
	tests := []struct{ name, in, want string }{
		{"normal already, so as it was", `{ "contact": "+15559876543", "text": "<b>" }`, ``},
		{"as people write", `{"contact":"1 (555) 987-6543"}`, `{"contact":"+15559876543"}`},
		{"a trunk zero", `{"contact":"+49 (0)30 901820"}`, `{"contact":"+4930901820"}`},
		{"a sender", `{"sender":"12065550100"}`, `{"sender":"+12065550100"}`},
		{"a short code", `{"sender":"43000"}`, ``},
		{"in another case", `{"CONTACT":"15559876543"}`, `{"CONTACT":"+15559876543"}`},
		{"without a tag", `{"plain":"15559876543"}`, `{"plain":"+15559876543"}`},
		{"behind a pointer", `{"second":"15559876543"}`, `{"second":"+15559876543"}`},
		{"of what is embedded", `{"phone":"15559876543"}`, `{"phone":"+15559876543"}`},
		{"in lists and maps", `{"others":["15559876543",""],"named":{"15559876543":"15559876544"}}`, `{"named":{"15559876543":"+15559876544"},"others":["+15559876543",""]}`},
		{"further down", `{"family":[{"contact":"15559876543","text":"15559876543"}]}`, `{"family":[{"contact":"+15559876543","text":"15559876543"}]}`},
		{"not of that type", `{"text":"15559876543","any":"15559876543","hidden":"15559876543","unknown":"15559876543","at":"15559876543"}`, ``},
		{"none", `{"contact":"","second":null,"others":null,"family":null}`, ``},
		{"of a wrong kind", `{"contact":5,"others":{},"family":"x","named":[]}`, ``},
		{"a list", `["15559876543"]`, ``},
		{"no JSON", `{"contact":"15559876543"`, ``},
		{"nothing", ``, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := numbers.InJSON(json.RawMessage(tt.in), reflect.TypeFor[visit]())
			require.NoError(t, err)
			if tt.want == "" {
				tt.want = tt.in
			}
			require.Equal(t, tt.want, string(got))
		})
	}
	for _, no := range []string{`{"contact":"+15551234"}`, `{"others":["43000"]}`, `{"named":{"a":"nobody"}}`, `{"family":[{"contact":"+9991234567890"}]}`} {
		_, err := numbers.InJSON(json.RawMessage(no), reflect.TypeFor[*visit]())
		require.ErrorIs(t, err, sms.ErrNotANumber, no)
	}
}
