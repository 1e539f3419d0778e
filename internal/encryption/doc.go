// Package encryption keeps what conversations hold out of sight of the Temporal
// server: a codec for payloads, the keys it uses, and the converters that a client
// or a worker is given. It knows nothing of what it encrypts.
package encryption
