package encryption

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// None is the entry that stands for no key: where it is the first one, nothing is
// encrypted, and the others are there to decrypt.
const None = "none"

// keyBytes make AES-256.
const keyBytes = 32

var keyID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// A ring is the keys as they are set: the first one encrypts, all decrypt.
type ring struct {
	first *key // nil: nothing is encrypted
	byID  map[string]*key
}

type key struct {
	id   string
	aead cipher.AEAD
}

// parse reads entries with commas between. Its errors tell which entry is wrong,
// and hold nothing of it.
func parse(entries string) (*ring, error) {
	r := &ring{byID: map[string]*key{}}
	n := 0
	for entry := range strings.SplitSeq(entries, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		n++
		if entry == None {
			if n > 1 {
				return nil, fmt.Errorf("entry %d of the encryption keys is %q: it says that nothing is encrypted, and can only be the first", n, None)
			}
			continue
		}
		k, err := parseKey(entry)
		if err != nil {
			return nil, fmt.Errorf("encryption key %d is invalid: %w; parley encryption-key prints one", n, err)
		}
		if r.byID[k.id] != nil {
			return nil, fmt.Errorf("two of the encryption keys have the id %q: give each its own, since payloads name the key by it", k.id)
		}
		r.byID[k.id] = k
		if n == 1 {
			r.first = k
		}
	}
	if n == 0 {
		return nil, errors.New("there is no encryption key; parley encryption-key prints one")
	}
	return r, nil
}

func parseKey(entry string) (*key, error) {
	id, encoded, found := strings.Cut(entry, ":")
	switch {
	case !found:
		return nil, errors.New("it has no colon: write id:key")
	case !keyID.MatchString(id) || id == None:
		return nil, errors.New("its id is not made of up to 32 of a-z, 0-9, dot, hyphen and underscore, or is the word none")
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) != keyBytes {
		return nil, fmt.Errorf("what follows the colon is not %d bytes in base64", keyBytes)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, errors.New("AES does not take it")
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, errors.New("AES-GCM does not take it")
	}
	return &key{id: id, aead: aead}, nil
}

// NewKey makes an entry for a ring, with a key that nobody has had before.
func NewKey(id string) (string, error) {
	raw := make([]byte, keyBytes)
	_, _ = rand.Read(raw) // it never fails
	entry := id + ":" + base64.StdEncoding.EncodeToString(raw)
	_, err := parse(entry)
	return entry, err
}
