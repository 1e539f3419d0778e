package sinchtest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
)

// pages reads the list to its end, or at most so many pages of it.
func (c *carrier) pages(most int, query url.Values) (pages [][]string, status int) {
	c.t.Helper()
	query = url.Values(http.Header(query).Clone())
	for range most {
		status, answer := c.do(http.MethodGet, project+"/messages?"+query.Encode(), nil)
		if status != http.StatusOK {
			return pages, status
		}
		pages = append(pages, texts(answer))
		token := answer["next_page_token"].(string)
		if token == "" {
			break
		}
		query.Set("page_token", token)
	}
	return pages, http.StatusOK
}

func TestListFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		faults sinchtest.ListFaults
		want   [][]string
		status int
	}{
		"none":            {sinchtest.ListFaults{}, [][]string{{"3", "2", "1"}, {"0"}}, 200},
		"smaller pages":   {sinchtest.ListFaults{Page: 2}, [][]string{{"3", "2"}, {"1", "0"}}, 200},
		"not larger ones": {sinchtest.ListFaults{Page: 100}, [][]string{{"3", "2", "1"}, {"0"}}, 200},
		"empty pages":     {sinchtest.ListFaults{EmptyPages: true, Page: 2}, [][]string{{"3", "2"}, nil, {"1", "0"}}, 200},
		"in circles":      {sinchtest.ListFaults{Token: sinchtest.ListTokenLooping}, [][]string{{"3", "2", "1"}, {"3", "2", "1"}, {"3", "2", "1"}, {"3", "2", "1"}}, 200},
		"a wrong token":   {sinchtest.ListFaults{Token: sinchtest.ListTokenWrong}, [][]string{{"3", "2", "1"}}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, sinchtest.Options{})
			for i := range 4 {
				c.send(ana, strconv.Itoa(i), "k")
			}
			c.SetFaults(sinchtest.Faults{List: tt.faults})
			got, status := c.pages(4, url.Values{"page_size": {"3"}})
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.status, status)
		})
	}
}

func TestShuffledList(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{Faults: sinchtest.Faults{List: sinchtest.ListFaults{Shuffled: true}}})
	var sent []string
	for i := range 30 {
		sent = append(sent, strconv.Itoa(i))
		c.send(ana, sent[i], "k")
	}
	pages, _ := c.pages(1, url.Values{"page_size": {"100"}})
	require.ElementsMatch(t, sent, pages[0])
	slices.Reverse(sent)
	require.NotEqual(t, sent, pages[0])
}

// TestOtherMessagesInTheList: they are newer than ours, in any window that began,
// and not of our contacts.
func TestOtherMessagesInTheList(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	c := start(t, sinchtest.Options{Now: func() time.Time { return now }})
	c.send(ana, "ours", "k")
	c.SetFaults(sinchtest.Faults{List: sinchtest.ListFaults{Others: 250}})
	for _, query := range []url.Values{
		{},
		{"start_time": {now.Add(-time.Second).Format(time.RFC3339)}, "direction": {"TO_CONTACT"}},
		{"start_time": {now.Add(-time.Hour).Format(time.RFC3339)}, "end_time": {now.Format(time.RFC3339)}},
	} {
		query.Set("page_size", "100")
		pages, status := c.pages(5, query)
		require.Equal(t, http.StatusOK, status)
		require.Len(t, pages, 3)
		require.NotContains(t, slices.Concat(pages[0], pages[1]), "ours")
		require.Len(t, pages[2], 51)
		require.Equal(t, "ours", pages[2][50])
	}
	_, answer := c.do(http.MethodGet, project+"/messages?channel_identity=15559876543", nil)
	require.Equal(t, []string{"ours"}, texts(answer))
	_, answer = c.do(http.MethodGet, project+"/messages?direction=TO_APP", nil)
	require.Empty(t, texts(answer))

	d := start(t, sinchtest.Options{Mode: sinchtest.Dispatch, Faults: c.Faults()})
	_, answer = d.do(http.MethodGet, project+"/messages?messages_source=DISPATCH_SOURCE", nil)
	require.Empty(t, texts(answer), "nothing is kept, of nobody")
}

func TestListFaultsThatThereAreNot(t *testing.T) {
	t.Parallel()
	for faults, says := range map[string]string{
		`{"list":{"page":-1}}`:      "list.page",
		`{"list":{"others":-1}}`:    "list.others",
		`{"list":{"token":"lost"}}`: "list.token",
		`{"list":{"pages":1}}`:      "pages",
	} {
		_, err := sinchtest.ParseFaults(faults)
		require.ErrorContains(t, err, says)
	}
}
