// Package histories makes recorded histories anonymous: the same events, with the
// texts, numbers and names in them replaced, so that they can be kept as test
// data. It keeps what it knows to hold nothing of a person, and replaces the rest.
package histories
