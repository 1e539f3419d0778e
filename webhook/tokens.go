package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/time/rate"
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

// A token is what a program shows to be let in.
type token struct {
	hash  [sha256.Size]byte
	scope scope
	limit *rate.Limiter
}

// looksLikeScope is a word before a colon. A token that has one by chance is
// taken when both scopes stand before it.
var looksLikeScope = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{1,15}:`)

// parseTokens reads PARLEY_API_TOKEN. Its errors repeat nothing of a token.
func parseTokens(written []string, perSecond float64) (tokens, error) {
	if math.IsNaN(perSecond) || math.IsInf(perSecond, 0) || perSecond <= 0 {
		return nil, errors.New("set PARLEY_API_RATE to requests in a second, such as 50 or 0.5")
	}
	var known tokens
	for i, text := range written {
		granted := mayAll
		if word := looksLikeScope.FindString(text); word != "" {
			granted = scopes[strings.ToLower(strings.TrimSuffix(word, ":"))]
			text = text[len(word):]
		}
		switch {
		case granted == 0:
			return nil, fmt.Errorf("token %d of PARLEY_API_TOKEN begins like a scope that there is not: write send:TOKEN, read:TOKEN, or TOKEN for both; one that holds a colon itself stands there twice, as send:TOKEN and as read:TOKEN", i+1)
		case text == "":
			return nil, fmt.Errorf("token %d of PARLEY_API_TOKEN has nothing behind its scope: write send:TOKEN or read:TOKEN", i+1)
		}
		hash := sha256.Sum256([]byte(text))
		if i := slices.IndexFunc(known, func(t token) bool { return t.hash == hash }); i >= 0 {
			known[i].scope |= granted
			continue
		}
		known = append(known, token{
			hash: hash, scope: granted,
			limit: rate.NewLimiter(rate.Limit(perSecond), max(1, int(math.Ceil(2*perSecond)))),
		})
	}
	return known, nil
}

type tokens []token

// shown returns the token that a header shows; nil if it is none of ours. It
// compares hashes, and with all tokens: how long it takes tells neither their
// lengths nor which was near.
func (t tokens) shown(header string) *token {
	scheme, text, _ := strings.Cut(header, " ")
	hash := sha256.Sum256([]byte(text))
	found := -1
	for i := range t {
		same := subtle.ConstantTimeCompare(hash[:], t[i].hash[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 || !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	return &t[found]
}
