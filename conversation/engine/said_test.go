package engine_test

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	"parley/conversation/conversationtest"
	"parley/conversation/wire"
	"parley/sms"
)

type parcel struct {
	Contact sms.Number `json:"contact"`
}

// announce tells about a parcel, and says whether that is known to have arrived.
func announce(ctx workflow.Context, in parcel) (conversation.Report, error) {
	chat := conversation.With(ctx, in.Contact, conversation.About("parcel-7"))
	said, err := chat.Say(ctx, "Your parcel is here until six.", conversation.Until(conversationtest.Start.Add(9*time.Hour)))
	if err != nil {
		return conversation.Report{}, err
	}
	return said.Delivered(ctx, time.Hour)
}

func ExampleSaid_Delivered() {
	stage := conversationtest.New(os.Stdout)
	stage.Deliver(contact)
	stage.Script("parcel", announce, parcel{contact})
	stage.Run()
	// Output:
	// we:   Your parcel is here until six.
	// end:  {"delivery":"delivered"}
}

func TestDelivered(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		play  func(*conversationtest.Stage)
		want  conversation.Report
		texts int
	}{
		"no report": {func(*conversationtest.Stage) {}, conversation.Report{Delivery: wire.DeliveryUnknown}, 1},
		"never": {
			func(s *conversationtest.Stage) { s.Lose(contact, "CHANNEL_REJECT", sms.Permanent) },
			conversation.Report{Delivery: wire.NotDelivered, Reason: "CHANNEL_REJECT"},
			1,
		},
		"not at first": {
			func(s *conversationtest.Stage) { s.Lose(contact, "RECIPIENT_NOT_REACHABLE", sms.Transient) },
			conversation.Report{Delivery: wire.NotDelivered, Reason: "RECIPIENT_NOT_REACHABLE"},
			4,
		},
		"refused": {
			func(s *conversationtest.Stage) { s.Refuse(contact, "INVALID_ARGUMENT") },
			conversation.Report{Delivery: wire.NotDelivered, Reason: "INVALID_ARGUMENT"},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			stage := conversationtest.New(io.Discard)
			test.play(stage)
			stage.Script("parcel", announce, parcel{contact})
			stage.Run()
			var got conversation.Report
			require.NoError(t, stage.Result("parcel", &got))
			require.Equal(t, test.want, got)
			require.Len(t, stage.Sent(), test.texts)
			for _, m := range stage.Sent() {
				require.Equal(t, "parcel-7", m.Reference)
				require.Positive(t, m.TTL)
			}
		})
	}
}
