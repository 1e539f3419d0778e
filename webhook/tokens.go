package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"golang.org/x/time/rate"

	"parley/internal/auth"
)

// A scope is what a token is good for.
type scope int

const (
	maySend scope = 1 << iota
	mayRead

	mayAll = maySend | mayRead
)

var scopes = map[string]scope{"send": maySend, "read": mayRead}

func (s scope) String() string {
	for name, known := range scopes {
		if known == s {
			return name
		}
	}
	return "send and read"
}

// tokens are those of the API, and what each is good for.
type tokens struct {
	known  auth.Tokens
	grants []grant // one for each
}

type grant struct {
	scope scope
	limit *rate.Limiter
}

// looksLikeScope is a word before a colon. A token that has one by chance is
// taken when both scopes stand before it.
var looksLikeScope = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{1,15}:`)

// parseTokens reads PARLEY_API_TOKEN. Its errors repeat nothing of a token.
func parseTokens(written []string, perSecond float64) (known tokens, err error) {
	if math.IsNaN(perSecond) || math.IsInf(perSecond, 0) || perSecond <= 0 {
		return tokens{}, errors.New("set PARLEY_API_RATE to requests in a second, such as 50 or 0.5")
	}
	for i, text := range written {
		granted := mayAll
		if word := looksLikeScope.FindString(text); word != "" {
			granted = scopes[strings.ToLower(strings.TrimSuffix(word, ":"))]
			text = text[len(word):]
		}
		switch {
		case granted == 0:
			return tokens{}, fmt.Errorf("token %d of PARLEY_API_TOKEN begins with an unknown scope: write send:TOKEN, read:TOKEN, or TOKEN for both; list a token that holds a colon itself twice, as send:TOKEN and as read:TOKEN", i+1)
		case text == "":
			return tokens{}, fmt.Errorf("token %d of PARLEY_API_TOKEN has nothing behind its scope: write send:TOKEN or read:TOKEN", i+1)
		}
		if i := known.known.Find(text); i >= 0 {
			known.grants[i].scope |= granted
			continue
		}
		known.known.Add(text)
		known.grants = append(known.grants, grant{
			scope: granted,
			limit: rate.NewLimiter(rate.Limit(perSecond), max(1, int(math.Ceil(2*perSecond)))),
		})
	}
	return known, nil
}

// shown returns what the token of a header is good for; nil if it is not ours.
func (t tokens) shown(header string) *grant {
	text, ok := auth.Bearer(header)
	i := t.known.Find(text)
	if !ok || i < 0 {
		return nil
	}
	return &t.grants[i]
}
