// Package scenes plays ten scenes of how Parley is used, each as far as it goes
// today, over real programs, HTTP and a real server. What a scene waits for stands
// at its end.
package scenes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

const ana sms.Number = "+15559876543"

// number is one of a hundred numbers reserved for fiction.
func number(i int) sms.Number { return sms.Number(fmt.Sprintf("+120255501%02d", i)) }

func TestMain(m *testing.M) { e2e.Main(m) }

// waits ends a scene that goes no further yet, and says what it waits for.
func waits(t *testing.T, what string) {
	t.Helper()
	t.Skip("waits " + what)
}

// broken ends a scene before it begins: it is whole, and what it shows is not kept
// yet. With PARLEY_PROMISES it is played all the same, as make promises does.
func broken(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("PARLEY_PROMISES") == "" {
		waits(t, why)
	}
}

// shown is what Temporal's UI shows of a workflow as its current details.
func shown(w *e2e.World, id string) string {
	w.T.Helper()
	value, err := w.Temporal.QueryWorkflow(w.Ctx(), id, "", "__temporal_workflow_metadata")
	require.NoError(w.T, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(w.T, value.Get(&metadata))
	return metadata.GetCurrentDetails()
}

// 1. Everything is started with nothing set. The phone asks, "Confirmed" ends it,
// and who looks into Temporal's UI meanwhile finds the last text and the question.
func TestNoVariables(t *testing.T) {
	t.Parallel()

	w := e2e.New(t) // with all that has to be set today
	_, complaint, err := parley(w, "appointment", "--id", "A-17", "--to", string(ana), "--name", "Ana", "--business", "Harbor Dental",
		"--start", time.Now().Add(6*time.Hour).Format(time.RFC3339), "--zone", "Europe/Lisbon")
	require.NoError(t, err, complaint)
	w.Receives(ana, "Does that suit you?")

	const script = "appointment:A-17"
	w.Eventually("the conversation shows the text, and who waits for an answer", func() bool {
		words := shown(w, wire.ID(ana, ""))
		return strings.Contains(words, "Does that suit you?") && strings.Contains(words, "**AppointmentConfirmation** waits for an answer since")
	})
	w.Eventually("the script shows its question", func() bool {
		words := shown(w, script)
		return strings.Contains(words, "Waits for") && strings.Contains(words, "Does that suit you?")
	})

	w.Text(ana, "Confirmed")
	var result workflows.AppointmentResult
	require.NoError(t, w.Temporal.GetWorkflow(w.Ctx(), script, "").Get(w.Ctx(), &result))
	require.Equal(t, workflows.AppointmentResult{ID: "A-17", Outcome: workflows.AppointmentConfirmed}, result)
	w.Receives(ana, "Thank you! See you on")
	w.Eventually("the conversation shows how it ended", func() bool {
		words := shown(w, wire.ID(ana, ""))
		return strings.Contains(words, "**contact**: Confirmed") && strings.Contains(words, "Thank you! See you on") && strings.Contains(words, "nothing is open")
	})

	waits(t, "for programs that start without any setting")
}

// 2. A worker is killed while the agent waits for a tool, and a person takes over
// meanwhile, so that the agent's draft is refused. STOP in other words is
// confirmed in its language, and the person's next text is refused.
func TestAgentPersonStop(t *testing.T) {
	waits(t, "for an agent that calls tools, for a page on which a person takes a conversation over, and for STOP in a contact's own words")
}

// 3. Forty texts wait to be tried again when all workers die, and all contacts
// text STOP. The carrier hears of forty confirmations, and of nothing else.
func TestStopInTheDark(t *testing.T) {
	broken(t, "for tries that a STOP comes before: a text that waits to be tried again leaves when the workers come back")
	t.Parallel()

	const contacts, dark = 40, 14 * time.Second
	w := e2e.New(t)
	w.Sim.SetFaults(sinchtest.Faults{Errors: map[int]float64{429: 1}})
	for i := range contacts {
		require.Equal(t, 202, w.Message(number(i), "Your order has left.", fmt.Sprint("order-", i)))
	}
	for i := range contacts {
		w.Eventually("the carrier wants to be asked later", func() bool {
			tries := w.Sim.Attempts(number(i))
			return len(tries) > 0 && tries[0].Status == 429
		})
	}

	w.Worker.Kill()
	var all sync.WaitGroup
	for i := range contacts {
		all.Go(func() {
			if _, err := w.Sim.WaitAcknowledged(w.Ctx(), w.Sim.Text(number(i), "", "STOP")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	<-time.After(dark) // all are due to be tried again: who comes back finds both to do
	before := len(w.Sim.Attempts())
	w.Sim.SetFaults(sinchtest.Faults{})
	w.StartWorker()
	for i := range contacts {
		w.Receives(number(i), "You are unsubscribed")
		w.Eventually("nothing is left to be sent", func() bool { s := w.State(number(i)); return s.OptedOut != nil && len(s.Outbox) == 0 })
	}

	var others []string
	heard := w.Sim.Attempts()[before:]
	for _, a := range heard {
		if !strings.HasPrefix(a.Text, "You are unsubscribed") {
			others = append(others, a.Text)
		}
	}
	t.Logf("figures: of %d contacts %d got another text after STOP", contacts, len(others))
	require.Empty(t, slices.Compact(others), "what the carrier heard of beside the confirmations")
	require.Len(t, heard, contacts)
}

// 4. A reminder falls due at two in the morning where the contact lives.
func TestTwoInTheMorning(t *testing.T) {
	waits(t, "for hours in which texts may leave, by the contact's own clock")
}

// 5. Three texts within eight seconds get one answer, and twenty hours later the
// contact thinks again.
func TestSecondThoughts(t *testing.T) {
	waits(t, "for turns that begin once a contact has finished writing, for questions with slots to choose from, and for answers that a contact may take back")
}

// 6. A mother's and a son's appointments on one number, and an order between them.
func TestFamilyOnOneNumber(t *testing.T) {
	waits(t, "for answers that find their question among several, and for reactions such as Liked “…”, which are none")
}

// 7. A text fails, and once more when it is sent again. It is handed to another
// way, and arrives after all.
func TestItDidNotArrive(t *testing.T) {
	t.Parallel()

	other := &fallback{}
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	w := e2e.New(t, e2e.Server("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"), e2e.Setting("PARLEY_FALLBACK_URL", server.URL))

	w.Sim.Next(
		sinchtest.OneShot{Fault: sinchtest.FaultFail, To: ana, Reason: "RECIPIENT_NOT_REACHABLE"},
		sinchtest.OneShot{Fault: sinchtest.FaultFail, To: ana, Reason: "CHANNEL_REJECT"},
	)
	const text, reference = "Your order is ready.", "order-7"
	key, err := w.Client().Send(w.Ctx(), ana, "", reference, wire.SendRequest{Text: text, Reference: reference, By: "shop"})
	require.NoError(t, err)
	w.Eventually("it waits to be sent once more", func() bool { return len(w.State(ana).Held) == 1 })
	fastForward(w, wire.ID(ana, ""), 2*time.Minute)
	require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool { return len(w.Sim.Sent()) == 2 }))
	var copied wire.Message
	w.Eventually("it is handed over", func() bool {
		s := w.State(ana)
		copied = s.Transcript[len(s.Transcript)-1]
		return copied.ResendOf == key && copied.Fallback == "handed over"
	})
	require.Equal(t, 200, w.Post(delivered(w.Sim.Sent()[1], copied.Key)))
	w.Eventually("it arrived after all", func() bool {
		s := w.State(ana)
		return s.Transcript[len(s.Transcript)-1].Status == sms.StatusDelivered
	})

	require.Len(t, other.undelivered(), 1)
	handed := other.undelivered()[0]
	require.Equal(t, reference, handed.Reference)
	require.Equal(t, text, handed.Text)
	require.Equal(t, "CHANNEL_REJECT", handed.Reason)

	printed, complaint, err := parley(w, "proof", key, "--json")
	require.NoError(t, err, complaint)
	var proof struct {
		Number   sms.Number
		Evidence []struct{ Message wire.Message }
	}
	require.NoError(t, json.Unmarshal([]byte(printed), &proof))
	require.Equal(t, ana, proof.Number)
	require.Len(t, proof.Evidence, 2)
	first, second := proof.Evidence[0].Message, proof.Evidence[1].Message
	require.Equal(t, key, first.Key)
	require.Equal(t, key, second.ResendOf)
	for _, m := range []wire.Message{first, second} {
		require.Equal(t, text, m.Text)
		require.Equal(t, reference, m.Reference)
	}
	failures := []string{reasonOf(first, sms.StatusFailed), reasonOf(second, sms.StatusFailed)}
	require.Equal(t, []string{"RECIPIENT_NOT_REACHABLE", "CHANNEL_REJECT"}, failures)
	require.Equal(t, "handed over", second.Fallback)
	require.Equal(t, sms.StatusDelivered, second.Steps[len(second.Steps)-1].Status)

	var lines []string
	for _, webhook := range w.Webhooks {
		lines = append(lines, strings.Split(string(e2e.Must(os.ReadFile(webhook.Log))), "\n")...)
	}
	for _, code := range failures {
		require.True(t, slices.ContainsFunc(lines, func(line string) bool {
			return strings.Contains(line, "level=WARN") && strings.Contains(line, "code="+code) && strings.Contains(line, "reference="+reference)
		}), "the log warns of %s", code)
	}

	waits(t, "for proof by the caller's own reference, and for e-mail by SMTP")
}

func reasonOf(m wire.Message, status sms.Status) string {
	for _, step := range m.Steps {
		if step.Status == status {
			return step.Reason
		}
	}
	return ""
}

// fallback is another way to reach a contact.
type fallback struct {
	mu     sync.Mutex
	handed []wire.Undelivered
}

func (f *fallback) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var u wire.Undelivered
	_ = json.NewDecoder(r.Body).Decode(&u)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handed = append(f.handed, u)
}

func (f *fallback) undelivered() []wire.Undelivered {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.handed)
}

// delivered is the callback that says so, as Sinch would send it.
func delivered(m sinchtest.Message, key string) string {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	return fmt.Sprintf(`{"app_id":%q,"accepted_time":%q,"event_time":%q,"project_id":%q,"message_metadata":"","message_delivery_report":{"message_id":%q,"conversation_id":"",
		"status":"DELIVERED","channel_identity":{"channel":"SMS","identity":%q,"app_id":""},"contact_id":"","metadata":%q,"processing_mode":"CONVERSATION"}}`,
		sinchtest.DefaultAppID, at, at, sinchtest.DefaultProjectID, m.ID, strings.TrimPrefix(string(m.Phone), "+"), key)
}

// fastForward lets a workflow's clock run ahead of everybody else's.
func fastForward(w *e2e.World, id string, d time.Duration) {
	w.T.Helper()
	_, err := w.Temporal.WorkflowService().UpdateWorkflowExecutionOptions(w.Ctx(), &workflowservice.UpdateWorkflowExecutionOptionsRequest{
		Namespace: w.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{TimeSkippingConfig: &commonpb.TimeSkippingConfig{
			Enabled: true, FastForwardConfig: &commonpb.FastForwardConfig{Id: id, Duration: durationpb.New(d)},
		}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"time_skipping_config"}},
	})
	require.NoError(w.T, err)
}

// 8. Many people wait at a question while a sentence and a consent word change.
func TestNewSentence(t *testing.T) {
	waits(t, "for a rehearsal that names who would read something else")
}

// 10. A module of somebody's own begins in an empty folder.
func TestEmptyFolder(t *testing.T) {
	waits(t, "for a module that is begun with one command, and for errors of scripts that log, list and doctor name with script and contact")
}
