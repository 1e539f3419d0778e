package workflows

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Duration is written in JSON as Go writes it: "24h", "90m".
type Duration time.Duration

// Or is the duration, or another one if it is zero.
func (d Duration) Or(other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return time.Duration(d)
}

// MarshalJSON writes "24h0m0s".
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON reads "24h".
func (d *Duration) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf(`a duration is written like "24h", not %s`, data)
	}
	if s == "" {
		*d = 0
		return nil
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf(`a duration is written like "24h" or "90m", not %q`, s)
	}
	*d = Duration(parsed)
	return nil
}
