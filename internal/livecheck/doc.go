// Package livecheck asks the real Sinch what docs/sinch.md assumes of it, with a
// person who holds a phone. It knows no command line and no terminal.
package livecheck
