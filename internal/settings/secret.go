package settings

import (
	"context"
	"errors"
	"strings"

	"parley/internal/secrets"
)

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
func Reveal(several []Secret) []string {
	var revealed []string
	for _, s := range several {
		if s := strings.TrimSpace(s.Reveal()); s != "" {
			revealed = append(revealed, s)
		}
	}
	return revealed
}

// Parameters are values that are kept elsewhere under a name.
type Parameters interface {
	Parameter(name string) secrets.Value
}

// value is the secret itself or, if that is not set, the parameter; nil if
// neither is.
func value(s Secret, param string, p Parameters) secrets.Value {
	if s := strings.TrimSpace(s.Reveal()); s != "" {
		return secrets.Fixed(s)
	}
	if param != "" {
		return p.Parameter(param)
	}
	return nil
}

// list is value for a setting that holds several secrets, with commas between.
func list(several []Secret, param string, p Parameters) secrets.Value {
	return value(Secret(strings.Join(Reveal(several), ",")), param, p)
}

// SigningSecrets are several that may have signed, the newest first by custom.
type SigningSecrets struct{ value secrets.Value }

// Get returns them as they are known.
func (s SigningSecrets) Get(ctx context.Context) ([]string, error) {
	return divide(s.value.Get(ctx))
}

// Renew asks where they come from, for one that explains a signature.
func (s SigningSecrets) Renew(ctx context.Context) ([]string, error) {
	return divide(s.value.Renew(ctx))
}

func divide(several string, err error) ([]string, error) {
	var all []string
	for one := range strings.SplitSeq(several, ",") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	if err == nil && len(all) == 0 {
		err = errors.New("the parameter holds no secret")
	}
	return all, err
}
