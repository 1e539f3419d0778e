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
package conversation
