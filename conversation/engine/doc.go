// Package engine is the workflow Conversation, which talks to one phone number. It
// keeps order, sends each text once as far as the carrier allows, lets one
// question be open at a time, and obeys STOP. It knows nothing of the business.
package engine
