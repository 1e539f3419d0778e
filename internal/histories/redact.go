package histories

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"parley/conversation/wire"
	"parley/understand"
)

// Rules say what may stay as it is.
type Rules struct {
	Fields Fields   // names of fields
	Words  []string // whole texts that are constants of the program
	Keep   []string // fields whose values hold nothing of a person

	Converter converter.DataConverter // how payloads are read; nil: the default one
}

// Anonymous returns a copy of a history in which nothing can be read that was not
// a constant of a program. The same number, or id, becomes the same other one
// throughout the history. Payloads of any encoding come out as JSON.
func (r Rules) Anonymous(h *historypb.History) (*historypb.History, error) {
	out := proto.CloneOf(h)
	w := &work{Rules: r, converter: r.Converter, ids: newIDs(), words: map[string]bool{}}
	if w.converter == nil {
		w.converter = converter.GetDefaultDataConverter()
	}
	for _, word := range slices.Concat(wire.Words(), r.Words) {
		w.words[word] = true
	}
	for _, e := range h.GetEvents() {
		if s := e.GetWorkflowExecutionStartedEventAttributes(); s != nil {
			w.words[name(s.GetWorkflowType().GetName())] = true
		}
	}
	for _, e := range out.GetEvents() {
		if err := w.event(e); err != nil {
			return nil, fmt.Errorf("event %d: %w", e.GetEventId(), err)
		}
	}
	if err := w.check(out); err != nil {
		return nil, err
	}
	return out, nil
}

// idFields hold ids of messages, of workflows and of matters of the business: each
// becomes another one, and stays different from all others.
var idFields = []string{
	"id", "ids", "key", "keys", "others", "of", "workflow_id", "run_id", "first_run_id", "message_id", "conversation", "conversation_id", "ask_id", "say_id",
	"reference", "resend_of", "reply_key", "appointment_id", "parked", "trace", "sender", "to",
}

// names are those of the protocol that are no field of a type that is registered.
var names = Fields{
	"ok": false, "answer": false, "ask_id": false, "say_id": false, "until": false, "timeout": true,
	"ActivityID": false, "ActivityType": false, "ReplayTime": false, "Attempt": false, "Backoff": true,
}

// work is one history being made anonymous.
type work struct {
	Rules
	converter converter.DataConverter
	ids       *ids
	words     map[string]bool
	written   strings.Builder // all that payloads hold now
}

func (w *work) event(e *historypb.HistoryEvent) error {
	e.UserMetadata, e.Links, e.Principal = nil, nil, nil
	if marker := e.GetMarkerRecordedEventAttributes(); marker.GetMarkerName() == "Version" {
		marker.Header = nil
		return nil // names of changes, and numbers
	}
	return w.message(e.ProtoReflect())
}

// message replaces all that is text in a message, field by field.
func (w *work) message(m protoreflect.Message) error {
	switch v := m.Interface().(type) {
	case *commonpb.Payload:
		return w.payload(v, "")
	case *commonpb.Header:
		v.Fields = nil
		return nil
	case *commonpb.Memo:
		return w.indexed(v.GetFields())
	case *commonpb.SearchAttributes:
		return w.indexed(v.GetIndexedFields())
	case *commonpb.Callback:
		v.Reset()
		return nil
	case *failurepb.Failure:
		converter.DecodeCommonFailureAttributes(w.converter, v)
		v.EncodedAttributes = nil
	case *taskqueuepb.TaskQueue:
		if v.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
			v.Name = "sticky" // it holds the name of a host
		}
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); m.Has(f) {
			if err := w.field(m, f, m.Get(f)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *work) field(m protoreflect.Message, f protoreflect.FieldDescriptor, v protoreflect.Value) error {
	switch {
	case f.IsMap() && f.MapValue().Kind() == protoreflect.MessageKind:
		return w.mapOf(v.Map())
	case f.IsMap():
		m.Clear(f)
	case f.IsList() && f.Kind() == protoreflect.MessageKind:
		for i := range v.List().Len() {
			if err := w.message(v.List().Get(i).Message()); err != nil {
				return err
			}
		}
	case f.Kind() == protoreflect.MessageKind:
		return w.message(v.Message())
	case f.IsList() && f.Kind() == protoreflect.StringKind:
		for i := range v.List().Len() {
			v.List().Set(i, protoreflect.ValueOfString(w.attribute(f, v.List().Get(i).String())))
		}
	case f.Kind() == protoreflect.StringKind:
		m.Set(f, protoreflect.ValueOfString(w.attribute(f, v.String())))
	case f.Kind() == protoreflect.BytesKind:
		m.Clear(f)
	}
	return nil
}

// mapOf are the details of a marker, whose keys are the SDK's.
func (w *work) mapOf(m protoreflect.Map) error {
	var keys []protoreflect.MapKey
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		if name(k.String()) != k.String() {
			return errors.New("a marker has details of an unusual name")
		}
		if err := w.message(m.Get(k).Message()); err != nil {
			return err
		}
	}
	return nil
}

// attribute is what becomes of a text that is no payload, by the field's name.
// What is not named here is left out.
func (w *work) attribute(f protoreflect.FieldDescriptor, s string) string {
	switch string(f.Name()) {
	case "workflow_id", "run_id", "original_execution_run_id", "first_execution_run_id", "continued_execution_run_id", "new_execution_run_id", "base_run_id", "new_run_id",
		"signal_name", "update_id", "protocol_instance_id", "accepted_request_message_id", "rejected_request_message_id",
		"activity_id", "timer_id":
		return w.ids.id(s)
	case "name", "normal_name", "marker_name", "type", "non_retryable_error_types", "sdk_name", "sdk_version", "source", "endpoint", "service", "operation":
		return name(s)
	case "message":
		return blank(s)
	case "identity":
		return "worker"
	case "namespace", "parent_workflow_namespace":
		return "default"
	case "control":
		if len(s) < 7 {
			return digits(s)
		}
	}
	return ""
}

// digits is a number that counts something, and nothing else.
func digits(s string) string {
	if _, err := strconv.Atoi(s); err != nil {
		return ""
	}
	return s
}

// indexed replaces memos and search attributes. Those of our own, and of Temporal,
// keep their names.
func (w *work) indexed(fields map[string]*commonpb.Payload) error {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		p := fields[key]
		if key == "TemporalChangeVersion" || key == "BuildIds" {
			continue
		}
		if err := w.payload(p, key); err != nil {
			return err
		}
		if !slices.Contains(attributes, key) {
			delete(fields, key)
			fields[w.ids.id(key)] = p
		}
	}
	return nil
}

var attributes = []string{
	wire.StateAttribute.GetName(), wire.AttentionAttribute.GetName(), wire.ScriptAttribute.GetName(),
	wire.AttentionMemo, wire.ParkedMemo,
}

// payload replaces what is in a payload, however that was written.
func (w *work) payload(p *commonpb.Payload, key string) error {
	kind := p.GetMetadata()["type"] // of a search attribute
	var raw converter.RawValue
	if err := w.converter.FromPayload(p, &raw); err != nil {
		return fmt.Errorf("reading a payload: %w", err)
	}
	encoding := string(raw.Payload().GetMetadata()[converter.MetadataEncoding])
	data := raw.Payload().GetData()
	switch encoding {
	case converter.MetadataEncodingNil:
		p.Metadata, p.Data, p.ExternalPayloads = map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, nil, nil
		return nil
	case converter.MetadataEncodingBinary:
		p.Metadata, p.Data, p.ExternalPayloads = map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, bytes.Repeat([]byte{0}, len(data)), nil
		return nil
	case converter.MetadataEncodingJSON:
	default:
		return fmt.Errorf("a payload is encoded as %q, which cannot be made anonymous", encoding)
	}
	data, err := w.json(key, data)
	if err != nil {
		return err
	}
	w.written.Write(data)
	p.Metadata, p.Data, p.ExternalPayloads = map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, data, nil
	if kind != nil && name(string(kind)) != "" {
		p.Metadata["type"] = kind
	}
	return nil
}

func (w *work) json(key string, data []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	if err == nil && decoder.Decode(new(any)) != io.EOF {
		err = errors.New("something follows")
	}
	if err != nil {
		return []byte(`"` + strings.Repeat("x", len(data)) + `"`), nil // nobody could read it before, either
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(w.value(key, value)); err != nil {
		return nil, fmt.Errorf("writing a payload: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func (w *work) value(key string, value any) any {
	if key != "" && slices.Contains(w.Keep, key) {
		return value
	}
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			field := k
			if !w.isField(k) {
				field = w.ids.id(k)
			}
			out[field] = w.value(k, v[k])
		}
		return out
	case []any:
		for i := range v {
			v[i] = w.value(key, v[i])
		}
		return v
	case string:
		return w.text(key, v)
	case json.Number:
		return w.number(key, v)
	}
	return value // true, false, null
}

func (w *work) isField(key string) bool {
	_, ours := names[key]
	_, registered := w.Fields[key]
	return ours || registered || slices.Contains(w.Keep, key)
}

// number keeps what counts something. A length of time may have any number of
// digits, but not those below a millisecond: they would leave room for a phone
// number.
func (w *work) number(key string, n json.Number) json.Number {
	i, err := n.Int64()
	switch {
	case err != nil || i == math.MinInt64:
		if f, err := n.Float64(); err == nil && math.Abs(f) < 1e6 && len(n) < 7 {
			return n
		}
		return "0"
	case -1e6 < i && i < 1e6:
		return n
	case w.Fields[key] || names[key]:
		return json.Number(strconv.FormatInt(i-i%int64(time.Millisecond), 10))
	}
	return "0"
}

// text is what becomes of a string in JSON.
func (w *work) text(key, s string) string {
	switch {
	case s == "", understand.IsKeyword(s), w.words[s], len(s) == 1 && '0' <= s[0] && s[0] <= '9':
		return s
	case isTime(s), isDurationText(s):
		return s
	case key == "zone" && isZone(s), key == "send_task_queue" && name(s) == s:
		return s
	case w.ids.isID(s), slices.Contains(idFields, key):
		return w.ids.id(s)
	}
	if n, ok := w.ids.number(s); ok && key != "text" {
		return n
	}
	return blank(s)
}

func isTime(s string) bool {
	t, err := time.Parse(time.RFC3339Nano, s)
	return err == nil && (t.Format(time.RFC3339Nano) == s || t.Format(time.RFC3339) == s)
}

var durationText = regexp.MustCompile(`^-?([0-9]{1,6}(\.[0-9]{1,3})?(ns|us|ms|s|m|h))+$`)

func isDurationText(s string) bool { return len(s) <= 16 && durationText.MatchString(s) }

func isZone(s string) bool {
	_, err := time.LoadLocation(s)
	return err == nil
}

var nameText = regexp.MustCompile(`^[A-Za-z*][A-Za-z0-9_.*:/\-]*$|^[0-9]{1,3}(\.[0-9]{1,3}){1,2}[a-z0-9.\-]{0,20}$`)

// name is s if that can be the name of a thing in a program: a type, a queue. It
// has too few digits for a number that somebody can be called at.
func name(s string) string {
	count := 0
	for _, r := range s {
		if '0' <= r && r <= '9' {
			count++
		}
	}
	if count > 6 || len(s) > 200 || !nameText.MatchString(s) {
		return blank(s)
	}
	return s
}

// check looks once more for every number that was found anywhere: what is replaced
// in one place must not stand in another.
func (w *work) check(h *historypb.History) error {
	raw, err := protojson.Marshal(h)
	if err != nil {
		return fmt.Errorf("reading what was made anonymous: %w", err)
	}
	for digits := range w.ids.seen {
		if strings.Contains(string(raw), digits) || strings.Contains(w.written.String(), digits) {
			return errors.New("a number would remain")
		}
	}
	return nil
}
