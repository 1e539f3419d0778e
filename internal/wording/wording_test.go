package wording

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m", 65 * time.Minute: "1h05m", 47*time.Hour + time.Minute: "47h01m", 50 * time.Hour: "2d2h",
	} {
		require.Equal(t, want, Age(d))
	}
}
