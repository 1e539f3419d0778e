package settings

import "strings"

// A Secret is a setting that is never printed: not by fmt, slog or JSON. Only
// Reveal returns it.
type Secret string

const hidden = "•••"

// String hides it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides it too.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides it from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Reveal returns those of several secrets that are not empty.
func Reveal(secrets []Secret) []string {
	var revealed []string
	for _, s := range secrets {
		if s := strings.TrimSpace(s.Reveal()); s != "" {
			revealed = append(revealed, s)
		}
	}
	return revealed
}
