package test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/stack"
	"parley/test/e2e"
)

// TestNothingElseListens: with their usual addresses, of which only the ports are
// left to the system here, the programs listen on loopback only; all but the
// webhook, for Sinch's callbacks.
func TestNothingElseListens(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	usual := func(program, setting string, args ...string) string {
		t.Helper()
		help, err := exec.CommandContext(t.Context(), filepath.Join(e2e.Bin, program), append(args, "--help")...).Output() //nolint:gosec // one of ours
		require.NoError(t, err, "run make build")
		folded := strings.Join(strings.Fields(string(help)), " ")
		before, _, found := strings.Cut(folded, "$"+setting)
		require.True(t, found, "%s %s", program, setting)
		addresses := regexp.MustCompile(`[0-9a-z.\[\]]*:[0-9]{4}\b`).FindAllString(before, -1)
		require.NotEmpty(t, addresses)
		return addresses[len(addresses)-1]
	}
	at := map[string]map[string]string{}
	for _, s := range []struct{ program, setting, want string }{
		{"webhook", "PARLEY_WEBHOOK_ADDR", ":8080"},
		{"webhook", "PARLEY_API_ADDR", "127.0.0.1:8081"},
		{"webhook", "PARLEY_METRICS_ADDR", "127.0.0.1:9091"},
		{"worker", "PARLEY_METRICS_ADDR", "127.0.0.1:9090"},
		{"simulator", "PARLEY_SIMULATOR_ADDR", "127.0.0.1:8090"},
	} {
		args := map[string][]string{"simulator": {"serve"}}[s.program]
		address := usual(s.program, s.setting, args...)
		require.Equal(t, s.want, address, s.setting)
		if at[s.program] == nil {
			at[s.program] = map[string]string{}
		}
		at[s.program][s.setting] = address[:strings.LastIndex(address, ":")] + ":0"
	}

	w := newWorld(t)
	running := map[*stack.Process]int{}
	for _, p := range w.Started {
		if p.Name == "devserver" {
			running[p] = 2 // the service and its metrics; others of its ports are its own business
		}
	}
	for program, listeners := range map[string]int{"webhook": 3, "worker": 1, "simulator": 1} {
		settings := maps.Clone(w.Settings)
		maps.Copy(settings, at[program])
		running[w.Run("usual-"+program, program, settings)] = listeners
	}
	for p, least := range running {
		var open []netip.Addr
		w.Eventually(p.Name+" listens", func() bool { open = listensAt(t, p.ID()); return len(open) >= least })
		beyond := slices.DeleteFunc(slices.Clone(open), netip.Addr.IsLoopback)
		if p.Name == "usual-webhook" {
			require.Len(t, beyond, 1, "the callbacks'")
			require.True(t, beyond[0].IsUnspecified())
			require.Len(t, open, least)
			continue
		}
		require.Empty(t, beyond, p.Name)
	}
	for p := range running {
		if p.Name == "usual-worker" { // told to stop while it starts, it says that it could not start
			w.Await(p, func(context.Context) bool { return p.Said("msg=ready") })
		}
	}
}

// listensAt are the addresses at which a process listens for TCP.
func listensAt(t *testing.T, process int) (addresses []netip.Addr) {
	t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(process))
	links, err := filepath.Glob(filepath.Join(proc, "fd", "*"))
	require.NoError(t, err)
	sockets := map[string]bool{}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil { // it may be closed by now
			sockets[target] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		file, err := os.Open(filepath.Join(proc, "net", table))
		if os.IsNotExist(err) {
			continue // a machine without IPv6
		}
		require.NoError(t, err)
		for lines := bufio.NewScanner(file); lines.Scan(); {
			const local, state, inode = 1, 3, 9
			fields := strings.Fields(lines.Text())
			if len(fields) <= inode || fields[state] != "0A" || !sockets[fmt.Sprintf("socket:[%s]", fields[inode])] {
				continue
			}
			raw, err := hex.DecodeString(strings.Split(fields[local], ":")[0])
			require.NoError(t, err)
			for word := range slices.Chunk(raw, 4) { // as this machine has them in memory
				slices.Reverse(word)
			}
			address, ok := netip.AddrFromSlice(raw)
			require.True(t, ok)
			addresses = append(addresses, address.Unmap())
		}
		require.NoError(t, file.Close())
	}
	return addresses
}
