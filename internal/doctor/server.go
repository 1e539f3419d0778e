package doctor

import (
	conversations "parley/conversation/client"
	"parley/internal/encryption"
)

// A Server is Temporal, as a desk reads it.
type Server struct {
	conversations.Desk
	Address string
	Keys    *encryption.Keys
}
