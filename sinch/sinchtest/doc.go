// Package sinchtest is a Sinch that behaves: the part of the Conversation API
// that two-way SMS needs, the callbacks that follow from it, the phones at the
// other end, and the faults a carrier has. It is for demonstrations and tests;
// it knows nothing of Temporal or of conversations.
//
// A [Server] is an [http.Handler], so a test gives it to httptest.NewServer and
// a program to http.Server. Where Sinch documents something, the server does it
// that way; where Sinch does not say, there is a switch in [Options] or
// [Faults].
package sinchtest
