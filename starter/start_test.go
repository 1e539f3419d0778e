package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"parley/sms"
	"parley/workflows"
)

// visitStart is on the day after tomorrow, for all who ask.
var visitStart = sync.OnceValue(func() string {
	return time.Now().Add(48 * time.Hour).Truncate(time.Hour).In(time.FixedZone("", 3600)).Format(time.RFC3339)
})

// visit is one command line of an appointment.
func visit(id string, contact sms.Number, more ...string) []string {
	return append([]string{
		"appointment", "--id", id, "--to", string(contact), "--name", "Ana", "--business", "Harbor Dental", "--start", visitStart(), "--zone", "Europe/Berlin",
	}, more...)
}

func TestAppointment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const ana sms.Number = "+12025550110"
	const question = "Open question of AppointmentConfirmation (appointment:A-17)"

	require.Equal(t, "started appointment:A-17\n"+w.link("appointment:A-17")+"\n", w.does(visit("A-17", ana, "--now")...))
	w.eventually(question, "show", string(ana))

	same := unmarshal[started](t, w.does(visit("A-17", ana, "--now", "--json")...))
	require.True(t, same.AlreadyRunning)
	require.Equal(t, "running", same.Status)
	require.NotEmpty(t, same.RunID)

	complaint := w.fails(1, visit("A-17", ana, "--remind-before", "47h")...)
	require.Contains(t, complaint, `appointment:A-17 runs already with other details: remind_before is "87624h0m0s" there and "47h0m0s" here; cancel it first`)
	complaint = w.fails(1, visit("A-17", "+12025550111", "--now", "--name", "Anna", "--again")...)
	require.Contains(t, complaint, `contact is "+12025550110" there and "+12025550111" here; first_name is "Ana" there and "Anna" here`)

	waited := w.waits(visit("A-17", ana, "--now", "--wait")...)
	w.texts(ana, "in-1", "Yes!")
	outcome := `{"appointment_id":"A-17","outcome":"confirmed"}`
	require.Contains(t, <-waited, "\n"+outcome+"\n")

	complaint = w.fails(1, visit("A-17", ana, "--now")...)
	require.Contains(t, complaint, "appointment:A-17 has ended already (completed on ")
	require.Contains(t, complaint, outcome+"): start it a second time with --again")

	require.Contains(t, w.does(visit("A-17", ana, "--now", "--again")...), "started appointment:A-17\n")
	w.eventually(question, "show", string(ana))
}

// Whoever asks at the same moment, one of them starts it and the others are told.
func TestStartedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const askers = 8
	var printed []<-chan string
	for range askers {
		printed = append(printed, w.waits(visit("A-1", "+12025550117", "--json")...))
	}
	first, runs := 0, map[string]bool{}
	for _, p := range printed {
		s := unmarshal[started](t, <-p)
		runs[s.RunID] = true
		if !s.AlreadyRunning {
			first++
		}
	}
	require.Equal(t, 1, first)
	require.Len(t, runs, 1)
}

func TestWaitForEveryEnding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	ctx := t.Context()

	for word, end := range map[string]func(id string) error{
		"cancelled":  func(id string) error { return w.temporal.CancelWorkflow(ctx, id, "") },
		"terminated": func(id string) error { return w.temporal.TerminateWorkflow(ctx, id, "", "enough") },
	} {
		details := visit(word, "+12025550112")
		printed := w.waits(append(details, "--wait")...)
		require.Eventually(t, func() bool { return end("appointment:"+word) == nil }, time.Minute, 20*time.Millisecond)
		require.Equal(t, "started appointment:"+word+"\n"+w.link("appointment:"+word)+"\n"+word+"\n", <-printed)
		require.Contains(t, w.fails(1, details...), "has ended already ("+word+" on ")
	}

	stdout, stderr, code := parley(t, w.env, "start", "Feedback", "--input", `{"business_name":"B"}`, "--id", "bad", "--wait", "--json")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `parley: bad failed: the script has no contact to talk to`)
	got := unmarshal[started](t, stdout)
	require.Equal(t, "failed", got.Status)
	require.Contains(t, got.Reason, "no contact")
}

// whole is an appointment's details as a person writes them.
const whole = ` {"appointment_id":"7","contact":"+1 (555) 987-6543","first_name":"Ana","business_name":"Harbor Dental","start":"2036-03-04T14:00:00Z","zone":"Europe/Berlin","remind_before":"90m"} `

func TestStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const input = `{"contact":"+1 (202) 555-0115","business_name":"Harbor Dental"}`

	got := unmarshal[started](t, w.does("start", "feedback", "--input", input, "--json"))
	require.Regexp(t, `^Feedback:[a-z2-7]{12}$`, got.WorkflowID)
	w.eventually("Open question of Feedback", "show", "+12025550115")

	file := filepath.Join(t.TempDir(), "input.json")
	require.NoError(t, os.WriteFile(file, []byte("\ufeff"+input), 0o600))
	require.Contains(t, w.does("start", "Feedback", "--input-file", file, "--id", "f-1"), "started f-1\n")
	stdout, _, code := parleyReading(t, w.env, input, "start", "Feedback", "--input-file", "-", "--id", "f-1")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "already running: f-1\n")

	require.Contains(t, w.fails(1, "start", "AppointmentConfirmation", "--id", "f-1", "--input", whole), "f-1 is taken by a workflow of type Feedback")
}

// Other programs and people write JSON of their own, which means the same.
func TestSameDetailsInOtherWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "appointment:by-hand", TaskQueue: queue}, "AppointmentConfirmation",
		map[string]string{
			"appointment_id": "by-hand", "contact": "+1 (202) 555-0116", "first_name": "Ana", "business_name": "Harbor Dental",
			"start": "2030-11-24T14:00:00Z", "zone": "Europe/Berlin", "remind_before": "24h", "sender": "",
		})
	require.NoError(t, err)

	args := []string{
		"appointment", "--id", "by-hand", "--to", "+12025550116", "--name", "Ana", "--business", "Harbor Dental",
		"--start", "2030-11-24T15:00:00+01:00", "--zone", "Europe/Berlin", "--remind-before", "24h",
	}
	require.Contains(t, w.does(args...), "already running: appointment:by-hand\n")
}

func TestInputIsChecked(t *testing.T) {
	t.Parallel()
	appointment, err := findScript("appointmentconfirmation")
	require.NoError(t, err)
	for name, test := range map[string]struct{ input, complaint string }{
		"nothing":          {``, "AppointmentConfirmation needs --input or --input-file: a JSON object with the fields appointment_id, contact, first_name"},
		"no JSON":          {`{"zone":Berlin}`, "the input is not JSON: invalid character 'B'"},
		"cut off":          {`{"zone":"Europe`, "the input is not JSON: unexpected end of JSON input"},
		"two values":       {`{} {}`, "the input is not JSON"},
		"null":             {`null`, "must be a JSON object"},
		"a misspelt field": {`{"contakt":"+15559876543"}`, `it has no field "contakt", only appointment_id, contact,`},
		"no number":        {`{"contact":"555"}`, `field "contact": not a phone number`},
		"no such country":  {`{"contact":"+9991234567890"}`, `field "contact": not a phone number`},
		"number as number": {`{"contact":15559876543}`, `field "contact": it must be a JSON string, not number`},
		"a bare duration":  {`{"remind_before":24}`, `field "remind_before": a duration is written like "24h", not 24`},
		"no duration":      {`{"remind_before":"tomorrow"}`, `like "24h" or "90m", not "tomorrow"`},
		"no time":          {`{"start":"tomorrow"}`, `field "start": write a time with its offset`},
		"missing fields":   {`{"contact":"+1 (555) 987-6543"}`, "appointment_id is missing"},
		"no string":        {`{"zone":1}`, `field "zone": it must be a JSON string, not number`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readInput(appointment, []byte(test.input))
			var usage *usageError
			require.ErrorAs(t, err, &usage)
			require.ErrorContains(t, err, test.complaint)
		})
	}

	in, err := readInput(appointment, []byte(whole))
	require.NoError(t, err)
	want := workflows.Appointment{
		ID: "7", Contact: "+15559876543", FirstName: "Ana", Business: "Harbor Dental", Zone: "Europe/Berlin",
		Start: time.Date(2036, time.March, 4, 14, 0, 0, 0, time.UTC), RemindBefore: workflows.Duration(90 * time.Minute),
	}
	require.Equal(t, want, in)

	// This is a door: what a workflow would not know by the form is known here.
	in, err = readInput(appointment, []byte(strings.Replace(whole, `"+1 (555) 987-6543"`, `"+49 (0)30 901820","sender":"12065550100"`, 1)))
	require.NoError(t, err)
	want.Contact, want.Sender = "+4930901820", "+12065550100"
	require.Equal(t, want, in)
}

func TestInputOfOtherKinds(t *testing.T) {
	t.Parallel()
	none := workflows.Script{Name: "None", Run: func(workflow.Context) error { return nil }}
	_, err := readInput(none, nil)
	require.NoError(t, err)
	_, err = readInput(none, []byte(`{}`))
	require.ErrorContains(t, err, "None takes no input")

	list := workflows.Script{Name: "List", Run: func(workflow.Context, []string) error { return nil }}
	in, err := readInput(list, []byte(`["a"]`))
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, in)
	_, err = readInput(list, []byte(`{}`))
	require.ErrorContains(t, err, "it must be a JSON list, not object")
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	kind := reflect.TypeFor[workflows.Appointment]()
	for name, test := range map[string]struct {
		exists, asked string
		want          []string
	}{
		"the same":          {`{"zone":"Europe/Berlin"}`, `{"zone":"Europe/Berlin"}`, nil},
		"other spellings":   {`{"start":"2026-11-24T14:00:00Z","remind_before":"24h","contact":"1 555 987 6543"}`, `{"start":"2026-11-24T15:00:00+01:00","remind_before":"1440m","contact":"+15559876543"}`, nil},
		"left out is empty": {`{"sender":""}`, `{}`, nil},
		"another value":     {`{"first_name":"Ana"}`, `{"first_name":"Anna"}`, []string{`first_name is "Ana" there and "Anna" here`}},
		"a new value":       {`{}`, `{"remind_before":"1h"}`, []string{`remind_before is not set there and "1h0m0s" here`}},
		"of a newer build":  {written(t, map[string]any{"language": "de"}), written(t, nil), []string{`language is "de" there and not set here`}},
		"unreadable":        {`no JSON`, `{}`, []string{"the input"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, differences(kind, []byte(test.exists), []byte(test.asked)))
		})
	}
	require.Equal(t, []string{"a.b is 1 there and 2 here"}, differ("", map[string]any{"a": map[string]any{"b": 1}}, map[string]any{"a": map[string]any{"b": 2}}))
}

// written is a whole appointment as JSON, with more fields.
func written(t *testing.T, more map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(workflows.Appointment{ID: "A-17", Zone: "Europe/Berlin"})
	require.NoError(t, err)
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &fields))
	maps.Copy(fields, more)
	raw, err = json.Marshal(fields)
	require.NoError(t, err)
	return string(raw)
}
