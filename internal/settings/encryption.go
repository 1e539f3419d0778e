package settings

import "parley/internal/secrets"

// Encryption says with which keys payloads are encrypted before they reach the
// Temporal server.
type Encryption struct {
	EncryptionKeys      []Secret `env:"PARLEY_ENCRYPTION_KEYS" placeholder:"ID:KEY" help:"Keys of payloads, with commas between: the first one encrypts, all decrypt. 'none' in front: nothing is encrypted yet. 'parley encryption-key' prints a new one. Default: nothing is encrypted."`
	EncryptionKeysParam string   `env:"PARLEY_ENCRYPTION_KEYS_PARAM" placeholder:"NAME" help:"Parameter of AWS's SSM Parameter Store that holds them, if they are not set themselves."`
}

// KeyRing is where the keys come from; nil if none are set.
func (e Encryption) KeyRing(p Parameters) secrets.Value {
	return list(e.EncryptionKeys, e.EncryptionKeysParam, p)
}
