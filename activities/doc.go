// Package activities is the work that conversations and scripts ask of the
// outside world: sending a text, deciding on a reply, recording an outcome. It
// declares the small interfaces it needs, and knows no carrier.
package activities
