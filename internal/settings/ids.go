package settings

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"parley/conversation/wire"
	"parley/internal/secrets"
)

// IDs say what the workflow ids of conversations are made of.
type IDs struct {
	IDKey      Secret `name:"id-key" env:"PARLEY_ID_KEY" placeholder:"BASE64" help:"Secret with which workflow ids hold an HMAC in place of phone numbers: 32 random bytes, the same for all programs of a namespace, set when that is first used or never. Better in the environment. Default: ids hold numbers."`
	IDKeyParam string `name:"id-key-param" env:"PARLEY_ID_KEY_PARAM" placeholder:"NAME" help:"Parameter of AWS's SSM Parameter Store that holds it, if it is not set itself."`
}

// KeyOfIDs is the secret that ids are made with, or nil.
func (i IDs) KeyOfIDs(p Parameters) secrets.Value { return value(i.IDKey, i.IDKeyParam, p) }

const fewestKeyBytes = 32

// ErrIDKey is returned for a key that will be no better in an hour.
var ErrIDKey = errors.New("set PARLEY_ID_KEY to 32 random bytes or more in base64, as openssl rand -base64 32 prints them")

// ReadIDs reads the key; nil is none.
func ReadIDs(ctx context.Context, key secrets.Value) (wire.IDs, error) {
	if key == nil {
		return wire.IDs{}, nil
	}
	text, err := key.Get(ctx)
	if err != nil {
		return wire.IDs{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) < fewestKeyBytes {
		return wire.IDs{}, ErrIDKey
	}
	return wire.KeyedIDs(raw), nil
}
