// Package wire is what travels between scripts, conversations and programs, and
// what is kept: envelopes and their bodies, outcomes, the state and its pieces,
// ids, and all names. It imports nothing of ours but the nouns of package sms.
package wire
