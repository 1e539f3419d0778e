package workflows_test

import (
	"encoding/json"
	"os"

	"parley/conversation/conversationtest"
	"parley/workflows"
)

func ExampleFeedback() {
	visit := workflows.Visit{Contact: "+15559876543", Business: "Harbor Dental"}

	conversationtest.Play(os.Stdout, workflows.Feedback, visit, "it was ok", "2", "We waited for an hour.")
	// Output:
	// we:   How was your visit to Harbor Dental? Reply with a number from 1 (poor) to 5 (great).
	// they: it was ok
	// we:   Please reply with one number from 1 to 5.
	// they: 2
	// we:   We are sorry to hear that. What went wrong?
	// they: We waited for an hour.
	// we:   Thank you for telling us. We will do better.
	// end:  {"stars":"2","why":"We waited for an hour."}
}

// What a person writes in Temporal's UI goes to the script as it is: the number is
// taken by its form.
func ExampleFeedback_startedByHand() {
	input := json.RawMessage(`{"contact":"+1 (201) 555-0100","business_name":"Harbor Dental"}`)

	conversationtest.Play(os.Stdout, workflows.Feedback, input, "5")
	// Output:
	// we:   How was your visit to Harbor Dental? Reply with a number from 1 (poor) to 5 (great).
	// they: 5
	// we:   Thank you! We are glad you liked it.
	// end:  {"stars":"5"}
}
