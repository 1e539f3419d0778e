// Package conversation holds the workflow that talks to one phone number, and
// the language that scripts are written in: With, Ask, Say, Do and SleepUntil.
//
// A script is an ordinary workflow that reads like the conversation it has:
//
//	chat := conversation.With(ctx, in.Contact)
//	day, err := conversation.Ask(ctx, chat, conversation.Question[string]{…})
//
// The Conversation workflow knows nothing of the business. It keeps order,
// sends each text once as far as the carrier allows, lets one question be open
// at a time, and obeys STOP.
package conversation
