// Package conversation is the language that scripts are written in: With, Ask,
// Say, Do and SleepUntil.
//
// A script is an ordinary workflow that reads like the conversation it has:
//
//	chat := conversation.With(ctx, in.Contact)
//	day, err := conversation.Ask(ctx, chat, conversation.Question[string]{…})
//
// Below it lie three packages that a script does not need: wire is what travels
// and is kept, engine is the workflow that talks to one phone number, and client
// is the way in from outside.
//
// A text in: client/inbound.go makes it an event, engine/events.go takes that,
// consent.go obeys what it means, inbox.go gives it to questions.go or responder.go.
//
// A text out: says.go, questions.go, responder.go or outbox.go offers it, gate.go says
// whether it may leave, held.go keeps what must wait, sending.go hands it to the
// carrier, and transcript.go keeps what becomes of it.
//
// A question: ask.go asks, engine/questions.go opens and ends it, answers.go brings the
// ending back. The parts of the engine are in parts.go; docs/how-it-works.md tells
// the whole.
package conversation
