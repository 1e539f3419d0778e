// Package sinchtest is a Sinch that behaves: the part of the Conversation API
// that two-way SMS needs, the callbacks that follow from it, the phones at the
// other end, and the faults a carrier has. It is for demonstrations and tests;
// it knows nothing of Temporal or of conversations.
//
// A [Server] is an [http.Handler], so a test gives it to httptest.NewServer and
// a program to http.Server. Where Sinch documents something, the server does it
// that way. Three things can be had beside that, in Go and over HTTP:
//
//   - [Faults] are what goes wrong, at rates or once: GET, PUT and PATCH /faults.
//   - [Readings] are the ways to read what Sinch leaves open: GET, PUT and PATCH
//     /readings.
//   - [Attempt] and [Message] are for a judge of what really happened: each request
//     to send at GET /attempts, each accepted send at GET /log, and what a phone
//     has at GET /phones/{number}/messages. Their times go by our clock, whatever
//     Sinch's says.
package sinchtest
