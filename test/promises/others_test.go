package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
)

// guest is a contact, and so is each of guests.
const guest sms.Number = "+15559876543"

func guests(i int) sms.Number { return sms.Number(fmt.Sprintf("+120255501%02d", i)) }

// echoed is what the responder answers if nobody set another one.
func echoed(text string) string { return `Thanks for your message! You said: "` + text + `"` }

// A program that shares our app at Sinch sends texts with metadata of its own,
// whose receipts come to us too. An answer of 5xx brings each of them again for
// hours, and counts as our failure.
func TestReceiptsOfAnotherProgram(t *testing.T) {
	promise(t, "a receipt of another program's text is answered 200, whatever its metadata says",
		"what stands behind a space in the metadata becomes part of a workflow id, and what cannot be one is answered 503 for ever")

	w := e2e.New(t)
	w.Text(guest, "hello")
	w.Receives(guest, echoed("hello"))
	stranger := guests(1) // with whom there is no conversation

	// In JSON, since some of them can be written in no other way.
	metadata := map[string]string{
		"none":                       `""`,
		"a word":                     `"order-42"`,
		"words":                      `"order 42 for Anna"`,
		"words that are not ASCII":   `"order 42 für Anna"`,
		"a NUL":                      `"order 42\u0000"`,
		"a NUL first":                `"\u0000 \u0000"`,
		"line ends":                  `"order 42\r\n43"`,
		"white space":                `" \t "`,
		"a colon":                    `"order conversation:+15559876543:x"`,
		"1,024 letters":              `"` + strings.Repeat("x", 1024) + `"`,
		"1,024 behind a space":       `"order ` + strings.Repeat("x", 1018) + `"`,
		"1,024 that are not ASCII":   `"order ` + strings.Repeat("ü", 1018) + `"`,
		"much more":                  `"order ` + strings.Repeat("x", 100<<10) + `"`,
		"half of a pair":             `"order \ud83d Anna"`,
		"the other half":             `"order Anna \udc00"`,
		"bytes that are not UTF-8":   "\"order \xff\xfe\"",
		"our mark":                   `"order # 42 für Anna"`,
		"our mark, and a NUL":        `"order # \u0000"`,
		"our mark, and 1,024 behind": `"order # ` + strings.Repeat("x", 1016) + `"`,
		"JSON":                       `"{\"order\": 42, \"for\": \"Anna \\u0000\"}"`,
		"broken JSON":                `"{ \u0000 für"`,
		"a number":                   `42`,
		"a list":                     `["order", 42]`,
		"an object":                  `{"order": 42}`,
		"null":                       `null`,
	}
	refused := map[string]int{}
	for name, written := range metadata {
		for _, to := range []sms.Number{guest, stranger} {
			for _, status := range []string{"DELIVERED", "FAILED"} {
				if got := w.Post(anothersReceipt(to, status, written)); got != 200 {
					refused[name] = got
				}
			}
		}
	}
	t.Logf("figures: %d of %d kinds of metadata are not answered 200", len(refused), len(metadata))
	require.Empty(t, refused)

	// Nor does any of them disturb whom it is about.
	w.Text(guest, "still there?")
	w.Receives(guest, echoed("still there?"))
	require.Empty(t, w.State(guest).Concerns)
	require.Len(t, w.Sim.Sent(), 2)
}

// anothersReceipt is a receipt as Sinch sends it, of a text that is not ours. Its
// metadata is JSON.
func anothersReceipt(to sms.Number, status, metadata string) string {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	return fmt.Sprintf(`{"app_id":%q,"accepted_time":%q,"event_time":%q,"project_id":%q,"message_metadata":"","message_delivery_report":{"message_id":"01ANOTHERS0000000000000000","conversation_id":"",
		"status":%q,"channel_identity":{"channel":"SMS","identity":%q,"app_id":""},"contact_id":"","metadata":%s,"processing_mode":"CONVERSATION"}}`,
		sinchtest.DefaultAppID, at, at, sinchtest.DefaultProjectID, status, strings.TrimPrefix(string(to), "+"), metadata)
}

// What is rightly signed and can never be a text or a receipt for us will be no
// better when it comes again.
func TestCallbacksThatCanNeverBeOurs(t *testing.T) {
	promise(t, "a rightly signed callback that can never be for us is answered 200, and dropped", "")

	w := e2e.New(t)
	at := time.Now()
	quoted := func(s string) string { return string(e2e.Must(json.Marshal(s))) }
	inbound := e2e.Inbound("message-1", guest, e2e.Ours, "hello", at)
	receipt := anothersReceipt(guest, "DELIVERED", `"order"`)
	number := quoted(strings.TrimPrefix(string(guest), "+"))
	bodies := map[string]string{
		"an empty object":                      `{}`,
		"no kind":                              `{"app_id":` + quoted(sinchtest.DefaultAppID) + `}`,
		"an unknown kind":                      `{"app_id":` + quoted(sinchtest.DefaultAppID) + `,"news_of_tomorrow":{"id":1}}`,
		"a kind that we do not use":            `{"app_id":` + quoted(sinchtest.DefaultAppID) + `,"contact_create_notification":{"contact":{"id":"x"}}}`,
		"two kinds that are nothing":           `{"message":7,"message_delivery_report":"x"}`,
		"another app's text":                   strings.Replace(inbound, sinchtest.DefaultAppID, "01ANOTHERAPP00000000000000", 1),
		"another app's receipt":                strings.Replace(receipt, sinchtest.DefaultAppID, "01ANOTHERAPP00000000000000", 1),
		"a message that is a number":           `{"message":7}`,
		"a message that is a list":             `{"message":[]}`,
		"a message to a contact":               strings.Replace(inbound, "TO_APP", "TO_CONTACT", 1),
		"another channel's text":               strings.Replace(inbound, `"SMS"`, `"WHATSAPP"`, 1),
		"another channel's receipt":            strings.Replace(receipt, `"SMS"`, `"WHATSAPP"`, 1),
		"a text without an id":                 strings.Replace(inbound, `"message-1"`, `""`, 1),
		"a text with a NUL as its id":          strings.Replace(inbound, `"message-1"`, `"\u0000"`, 1),
		"a text with a long id":                strings.Replace(inbound, `"message-1"`, quoted(strings.Repeat("x", 10_000)), 1),
		"a text from a name":                   strings.Replace(inbound, number, `"ACME"`, 1),
		"a text from a short code":             strings.Replace(inbound, number, `"12345"`, 1),
		"a text from a NUL":                    strings.Replace(inbound, number, `"\u0000"`, 1),
		"a receipt without a recipient":        strings.Replace(receipt, number, `""`, 1),
		"a receipt about a name":               strings.Replace(receipt, number, `"für Anna"`, 1),
		"a receipt without an id":              strings.Replace(receipt, `"01ANOTHERS0000000000000000"`, `""`, 1),
		"a receipt with an id that is no word": strings.Replace(receipt, `"01ANOTHERS0000000000000000"`, `"für Anna\u0000"`, 1),
		"a receipt with an unknown status":     strings.Replace(receipt, `"DELIVERED"`, `"ON_ITS_WAY"`, 1),
		"a receipt with a status of no words":  strings.Replace(receipt, `"DELIVERED"`, `17`, 1),
	}
	refused := map[string]int{}
	for name, body := range bodies {
		if got := w.Post(body); got != 200 {
			refused[name] = got
		}
	}
	t.Logf("figures: %d of %d callbacks are not answered 200", len(refused), len(bodies))
	require.Empty(t, refused)
	w.Text(guest, "hello")
	w.Receives(guest, echoed("hello"))
	require.Len(t, w.Sim.Sent(), 1, "none of them was a text")
}
