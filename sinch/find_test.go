package sinch_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// A text that may have been taken is looked for in the carrier's list, and
// "not found" is only believed where the list would show it.
func TestFind(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		options   sinchtest.Options
		search    func(*sms.Search)
		reference string
		found     bool
		certain   bool
		fails     bool
	}{
		"by its key":                      {found: true},
		"by the key of an attempt":        {search: func(s *sms.Search) { s.Keys = []string{"other", "key-1"} }, found: true},
		"sent with a reference":           {reference: "A-17", found: true},
		"another key":                     {search: func(s *sms.Search) { s.Keys = []string{"other"} }, certain: true},
		"other words":                     {search: func(s *sms.Search) { s.Text = "Good bye" }, certain: true},
		"another contact":                 {search: func(s *sms.Search) { s.To = "+12025550143" }, certain: true},
		"too old":                         {search: func(s *sms.Search) { s.Since = time.Now().Add(time.Hour) }, certain: true},
		"no metadata in the list":         {options: sinchtest.Options{Readings: sinchtest.Readings{ListHidesMetadata: true}}, search: func(s *sms.Search) { s.Keys = nil }, found: true},
		"no metadata, but another text's": {options: sinchtest.Options{Readings: sinchtest.Readings{ListHidesMetadata: true}}, search: func(s *sms.Search) { s.Others = append(s.Others, "the text") }, certain: true},
		"nothing is kept":                 {options: sinchtest.Options{Mode: sinchtest.Dispatch}},
		"kept for a day":                  {options: sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 1}, found: true},
		"the look is refused":             {options: sinchtest.Options{Faults: sinchtest.Faults{ReadErrors: map[int]float64{403: 1}}}},
		"the list is away":                {options: sinchtest.Options{Faults: sinchtest.Faults{ReadErrors: map[int]float64{503: 1}}}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			simulator := sinchtest.New(test.options)
			server := httptest.NewServer(simulator)
			t.Cleanup(func() {
				simulator.Close()
				server.Close()
			})
			client, err := sinch.NewClient(sinch.Config{
				ProjectID: sinchtest.DefaultProjectID, AppID: sinchtest.DefaultAppID, AccessKey: "k", AccessKeySecret: "s", APIURL: server.URL, AuthURL: server.URL,
			})
			require.NoError(t, err)
			sent, err := client.Send(t.Context(), sms.Outbound{Key: "key-1", To: "+15559876543", Text: "Hello", Reference: test.reference})
			require.NoError(t, err)

			search := sms.Search{Keys: []string{"key-1"}, To: "+15559876543", Text: "Hello", Since: time.Now()}
			if test.search != nil {
				test.search(&search)
			}
			for i, other := range search.Others {
				if other == "the text" {
					search.Others[i] = sent.MessageID
				}
			}
			got, err := client.Find(t.Context(), search)
			if test.fails {
				var failed *sms.SendError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, sms.NotTaken, failed.Doubt)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.found, got.Accepted != nil)
			require.Equal(t, test.certain, got.Certain)
			if test.found {
				require.Equal(t, sent.MessageID, got.Accepted.MessageID)
			}
		})
	}
}
