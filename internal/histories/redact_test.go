package histories

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	"parley/conversation/wire"
	"parley/sms"
	"parley/sms/numbers"
)

const run = "01a2012a-1b0f-7c6d-a887-d27d4abc58c8"

func rules(keep ...string) Rules {
	fields := Fields{}
	for _, t := range []reflect.Type{
		reflect.TypeFor[wire.Start](), reflect.TypeFor[wire.Envelope](), reflect.TypeFor[sms.Inbound](), reflect.TypeFor[visit](),
	} {
		fields.Of(t)
	}
	return Rules{Fields: fields, Words: []string{"Feedback", "confirm"}, Keep: keep}
}

// visit is a script's input.
type visit struct {
	Contact  sms.Number        `json:"contact"`
	Zone     string            `json:"zone"`
	Nickname string            `json:"nickname"`
	Within   time.Duration     `json:"within"`
	Count    int               `json:"count"`
	Others   map[string]string `json:"other_people"`
}

func worked(t *testing.T, r Rules) *work {
	t.Helper()
	w := &work{Rules: r, converter: converter.GetDefaultDataConverter(), ids: newIDs(), words: map[string]bool{}}
	for _, word := range append(r.Words, wire.Words()...) {
		w.words[word] = true
	}
	return w
}

func TestJSON(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"a text", `{"text":"Hi Ana!"}`, `{"text":"Xx Xxx!"}`},
		{"STOP acts by itself", `{"text":" Stop. "}`, `{"text":" Stop. "}`},
		{"STOP in a sentence", `{"text":"Stop it, Ana"}`, `{"text":"Xxxx xx, Xxx"}`},
		{"an answer of one digit", `{"text":"5"}`, `{"text":"5"}`},
		{"an answer of two", `{"text":"55"}`, `{"text":"00"}`},
		{"a number as the text", `{"text":"+15559876543"}`, `{"text":"+00000000000"}`},
		{"words of the program", `{"kind":"inbound","answer":"confirm","type":"Feedback"}`, `{"answer":"confirm","kind":"inbound","type":"Feedback"}`},
		{"rarer ones", `{"kind":"conversation","source":"erased","fallback":"handed over"}`, `{"fallback":"handed over","kind":"conversation","source":"erased"}`},
		{"other words in the same places", `{"kind":"Ana","type":"of Ana"}`, `{"kind":"Xxx","type":"xx Xxx"}`},
		{"numbers", `{"contact":"+15559876543","from":"1 (555) 987-6543","sender":"+15559876544"}`, `{"contact":"+15550100000","from":"+15550100000","sender":"+15550100001"}`},
		{"a number of no country that anybody knows", `{"contact":"+999 123 456 7890"}`, `{"contact":"+15550100000"}`},
		{"a sender's name", `{"sender":"HARBOR"}`, `{"sender":"id-1xx"}`},
		{"times", `{"at":"2026-03-02T09:00:00.123456789+01:00","accepted_at":"2026-03-02T09:00:00Z"}`, `{"accepted_at":"2026-03-02T09:00:00Z","at":"2026-03-02T09:00:00.123456789+01:00"}`},
		{"what only looks like a time", `{"at":"2026-03-02T09:00:00.15559876543Z"}`, `{"at":"0000-00-00X00:00:00.00000000000X"}`},
		{"durations", `{"timeout":86400000000000,"within":86400000000001,"nickname":"1h30m","count":86400000000000}`, `{"count":0,"nickname":"1h30m","timeout":86400000000000,"within":86400000000000}`},
		{"a number as a duration", `{"within":15559876543}`, `{"within":15559000000}`},
		{"a number as a number", `{"count":15559876543}`, `{"count":0}`},
		{"counters and facts", `{"schema":2,"count":-7,"ok":true,"state":null}`, `{"count":-7,"ok":true,"schema":2,"state":null}`},
		{"fractions", `{"count":0.5}`, `{"count":0.5}`},
		{"too many places", `{"count":0.15559876543}`, `{"count":0}`},
		{"a zone", `{"zone":"Europe/Berlin"}`, `{"zone":"Europe/Berlin"}`},
		{"no zone", `{"zone":"Ana's garden","nickname":"Europe/Berlin"}`, `{"nickname":"Xxxxxx/Xxxxxx","zone":"Xxx'x xxxxxx"}`},
		{"ids of runs", `{"run_id":"` + run + `","key":"` + run + `-17","id":"` + run + `/p1","nickname":"` + run + `-17.2"}`, `{"id":"` + run + `/p1","key":"` + run + `-17","nickname":"` + run + `-17.2","run_id":"` + run + `"}`},
		{"an ask's id", `{"id":"` + run + `/1/6df53a64","ask_id":"` + run + `/1/6df53a64"}`, `{"ask_id":"` + run + `/1/00000001","id":"` + run + `/1/00000001"}`},
		{"ids of others", `{"id":"in:01EQ8235TD19N21XQTH12B145D","message_id":"01EQ8235TD19N21XQTH12B145D"}`, `{"id":"in:id-1xxxxxxxxxxxxxxxxxxxxxx","message_id":"id-1xxxxxxxxxxxxxxxxxxxxxx"}`},
		{"the callers' keys", `{"id":"send:order-of-ana","reference":"order-of-ana","workflow_id":"feedback-ana"}`, `{"id":"send:id-1xxxxxxxx","reference":"id-1xxxxxxxx","workflow_id":"id-2xxxxxxxx"}`},
		{"conversations", `{"workflow_id":"conversation:+15559876543","id":"conversation:+15559876543:HARBOR"}`, `{"id":"conversation:+15550100000:id-1xx","workflow_id":"conversation:+15550100000"}`},
		{"a conversation without a number", `{"workflow_id":"conversation:b7e23ec29af22b0b4e41da31e868d572"}`, `{"workflow_id":"conversation:b7e23ec29af22b0b4e41da31e868d572"}`},
		{"a conversation with a name", `{"workflow_id":"conversation:annabel-of-the-garden"}`, `{"workflow_id":"conversation:id-1xxxxxxxxxxxxxxxxx"}`},
		{"names as keys", `{"other_people":{"Ana Smith":"sister"}}`, `{"other_people":{"id-1xxxxx":"xxxxxx"}}`},
		{"what nobody knows", `{"passport":"C01X00T47"}`, `{"id-1xxxx":"X00X00X00"}`},
		{"what is kept", `{"city":"Berlin","nickname":"Ana"}`, `{"city":"Berlin","nickname":"Xxx"}`},
		{"JSON in a text", `{"text":"{\"name\":\"Ana\"}"}`, `{"text":"{\"xxxx\":\"Xxx\"}"}`},
		{"lists", `["Ana",["Bob",15559876543]]`, `["Xxx",["Xxx",0]]`},
		{"a text alone", `"Ana"`, `"Xxx"`},
		{"a number alone", `"+15559876543"`, `"+15550100000"`},
		{"an id alone", `"` + run + `/1/6df53a64"`, `"` + run + `/1/00000001"`},
		{"no JSON", `Ana, 15559876543`, `"xxxxxxxxxxxxxxxx"`},
		{"two of them", `"a" "Ana"`, `"xxxxxxxxx"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := worked(t, rules("city")).json("", []byte(tt.in))
			require.NoError(t, err)
			require.Equal(t, tt.want, string(out))
		})
	}
}

func payload(t *testing.T, value any) *commonpb.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(value)
	require.NoError(t, err)
	return p
}

func payloads(t *testing.T, values ...any) *commonpb.Payloads {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayloads(values...)
	require.NoError(t, err)
	return p
}

// everywhere is a history with the same secret in each place that can hold one.
func everywhere(t *testing.T, secret string) *historypb.History {
	t.Helper()
	failure := &failurepb.Failure{
		Message: secret, Source: secret, StackTrace: secret, Cause: &failurepb.Failure{Message: secret},
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: secret, Details: payloads(t, secret)}},
	}
	require.NoError(t, converter.EncodeCommonFailureAttributes(converter.GetDefaultDataConverter(), failure))
	other := &commonpb.WorkflowExecution{WorkflowId: secret, RunId: secret}
	header := &commonpb.Header{Fields: map[string]*commonpb.Payload{secret: payload(t, secret)}}
	events := []*historypb.HistoryEvent{
		{
			UserMetadata: &sdkpb.UserMetadata{Summary: payload(t, secret), Details: payload(t, secret)},
			Links:        []*commonpb.Link{{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{Namespace: secret, WorkflowId: secret}}}},
			Principal:    &commonpb.Principal{Name: secret},
			Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
				WorkflowType: &commonpb.WorkflowType{Name: "Feedback"}, WorkflowId: secret, Identity: secret, CronSchedule: secret, OriginalExecutionRunId: secret,
				TaskQueue: &taskqueuepb.TaskQueue{Name: "parley", Kind: enumspb.TASK_QUEUE_KIND_NORMAL}, ParentWorkflowExecution: other, ParentWorkflowNamespace: secret,
				Input: payloads(t, map[string]any{secret: secret, "nickname": secret, "reference": secret}), LastCompletionResult: payloads(t, secret), ContinuedFailure: failure, Header: header,
				Memo:                &commonpb.Memo{Fields: map[string]*commonpb.Payload{secret: payload(t, secret), wire.AttentionMemo: payload(t, secret)}},
				SearchAttributes:    &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{secret: payload(t, secret), "ParleyScript": payload(t, []string{secret})}},
				CompletionCallbacks: []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: secret, Header: map[string]string{secret: secret}}}}},
				WorkflowRunTimeout:  durationpb.New(time.Hour),
			}},
		},
		{Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
			SignalName: secret, Input: payloads(t, []byte(secret), secret), Identity: secret, RequestId: secret, Header: header, ExternalWorkflowExecution: other,
		}}},
		{Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{
			TaskQueue: &taskqueuepb.TaskQueue{Name: secret, Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: "parley"},
		}}},
		{Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: secret, ActivityType: &commonpb.ActivityType{Name: "SendMessage"}, Input: payloads(t, secret), Header: header,
			RetryPolicy: &commonpb.RetryPolicy{NonRetryableErrorTypes: []string{secret}},
		}}},
		{Attributes: &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{Failure: failure, Identity: secret}}},
		{Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{
			ProtocolInstanceId: secret, AcceptedRequestMessageId: secret + "/request",
			AcceptedRequest: &updatepb.Request{Meta: &updatepb.Meta{UpdateId: secret, Identity: secret}, Input: &updatepb.Input{Name: "send", Args: payloads(t, secret), Header: header}},
		}}},
		{Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
			MarkerName: "SideEffect", Details: map[string]*commonpb.Payloads{"data": payloads(t, secret)}, Header: header, Failure: failure,
		}}},
		{Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionInitiatedEventAttributes{SignalExternalWorkflowExecutionInitiatedEventAttributes: &historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes{
			Namespace: secret, NamespaceId: secret, WorkflowExecution: other, SignalName: "answer/" + secret, Input: payloads(t, secret),
			Control: secret, //nolint:staticcheck // histories hold it all the same
		}}},
		{Attributes: &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{
			Reason: secret, Details: payloads(t, secret), Identity: secret,
		}}},
		{Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: payloads(t, secret)}}},
	}
	for i, e := range events {
		e.EventId = int64(i + 1)
	}
	return &historypb.History{Events: events}
}

// legible is all that can be read in a history.
func legible(t *testing.T, h *historypb.History) string {
	t.Helper()
	all, err := protojson.Marshal(h)
	require.NoError(t, err)
	var collect func(any) string
	collect = func(v any) string {
		switch v := v.(type) {
		case map[string]any:
			s := ""
			for key, inner := range v {
				text, isText := inner.(string)
				if key == "data" && isText {
					var raw []byte
					require.NoError(t, json.Unmarshal([]byte(`"`+text+`"`), &raw))
					s += "\n" + string(raw)
				}
				s += "\n" + key + " " + collect(inner)
			}
			return s
		case []any:
			s := ""
			for _, inner := range v {
				s += collect(inner)
			}
			return s
		}
		return fmt.Sprint(v) + "\n"
	}
	var value any
	require.NoError(t, json.Unmarshal(all, &value))
	return collect(value)
}

// TestEverywhere: what stands in any place of a history is gone.
func TestEverywhere(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"Wolfeschlegel, of 12 Garden Lane", "Wolfeschlegel", "+15559876543", "15559876543", "+1 (555) 987-6543", "conversation:+15559876543", "of:15559876543", "tel-15559876543-x"} {
		t.Run(secret, func(t *testing.T) {
			t.Parallel()
			h := everywhere(t, secret)
			require.Contains(t, legible(t, h), secret)
			if regexp.MustCompile(`^[A-Za-z]+$`).MatchString(secret) {
				// Names of types and queues are constants of programs, and stay.
				h.Events[4].GetActivityTaskFailedEventAttributes().Failure = nil
				h.Events[0].GetWorkflowExecutionStartedEventAttributes().ContinuedFailure = nil
				h.Events[6].GetMarkerRecordedEventAttributes().Failure = nil
				h.Events[3].GetActivityTaskScheduledEventAttributes().RetryPolicy = nil
			}
			out, err := rules().Anonymous(h)
			require.NoError(t, err)
			text := legible(t, out)
			require.NotContains(t, text, "Wolfeschlegel")
			require.NotContains(t, text, "5559876543")
			require.NotContains(t, text, "987-6543")
			require.Contains(t, text, "Feedback")
			require.Contains(t, text, "SendMessage")
			require.Contains(t, text, "parley")
			require.Len(t, out.GetEvents(), len(h.GetEvents()))
			require.Contains(t, legible(t, h), secret, "the history itself is not touched")
		})
	}
}

// TestEncrypted: histories are read as the worker reads them, and come out in
// clear.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	secretly := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), converter.NewZlibCodec(converter.ZlibCodecOptions{AlwaysEncode: true}))
	input, err := secretly.ToPayloads(visit{Contact: "+15559876543", Nickname: "Ana", Zone: "Europe/Berlin"})
	require.NoError(t, err)
	h := &historypb.History{Events: []*historypb.HistoryEvent{{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: input},
	}}}}
	_, err = rules().Anonymous(h)
	require.ErrorContains(t, err, "binary/zlib")
	r := rules()
	r.Converter = secretly
	out, err := r.Anonymous(h)
	require.NoError(t, err)
	var got visit
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(out.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetInput(), &got))
	require.Equal(t, visit{Contact: "+15550100000", Nickname: "Xxx", Zone: "Europe/Berlin"}, got)
}

// TestTenThousandNumbers: each is another one, and one that can be dialled.
func TestTenThousandNumbers(t *testing.T) {
	t.Parallel()
	d := newIDs()
	seen := map[string]bool{}
	for i := range 10_000 {
		made, ok := d.number(fmt.Sprintf("+1206%07d", 2_000_000+i))
		require.True(t, ok)
		parsed, err := numbers.Parse(made)
		require.NoError(t, err)
		require.Equal(t, made, string(parsed))
		require.False(t, seen[made])
		seen[made] = true
	}
}

var manyDigits = regexp.MustCompile(`[0-9]{7,}`)

// FuzzJSON: whatever is in a payload, no phone number comes out that is not made up.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		`{"contact":"+15559876543"}`, `{"15559876543":{"x":["+1 555 987 6543",15559876543]}}`, `{"id":"send:15559876543"}`, `{"workflow_id":"conversation:+15559876543:x"}`,
		`"15559876543s"`, `{"text":"15559876543"}`, `{"at":"2026-03-02T09:00:00.15559876543Z"}`, `{"x":1.5559876543e10}`, `{"zone":"15559876543"}`, `{"send_task_queue":"a15559876543"}`,
		`15559876543`, `"receipt:x:15559876543"`, `"answer/15559876543"`, `{"id":"15559876543/request"}`, `{"key":"a-1555-9876-543"}`, `{"timeout":15559876543}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := worked(t, rules())
		out, err := w.json("", []byte(text))
		if err != nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %q", text, out)
		}
		if uuids.Match(out) || times.Match(out) {
			return // these keep their digits, as TestJSON shows
		}
		for _, digits := range manyDigits.FindAllString(string(out), -1) {
			made := strings.HasPrefix(digits, "155501") || strings.Trim(digits, "0") == "" || strings.HasSuffix(digits, "000000")
			if !made && strings.Contains(text, digits) {
				t.Fatalf("%q became %q, with %s in it", text, out, digits)
			}
		}
	})
}

var (
	uuids = regexp.MustCompile(uuid)
	times = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T`)
)
