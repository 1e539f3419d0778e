package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"parley/internal/stack"
)

// The part of the Compose file that this stands for.
const (
	folder   = "deploy/compose"
	dbUser   = "temporal" // as POSTGRES_USER there
	password = "local-password"
)

// A cluster is PostgreSQL and a Temporal server on it.
type cluster struct {
	dir     string   // data and logs
	bin     string   // of PostgreSQL
	version string   // of PostgreSQL
	as      []string // what PostgreSQL's command lines begin with
	address string   // of Temporal
	metrics string   // of Temporal, a URL

	postgres, temporal *server
}

// newCluster looks for what is needed and makes a folder.
func newCluster() (*cluster, error) {
	c := &cluster{}
	initdbs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian has it, for each version
	if err != nil {
		return nil, fmt.Errorf("looking for PostgreSQL: %w", err)
	}
	if path, err := exec.LookPath("initdb"); err == nil && len(initdbs) == 0 {
		initdbs = append(initdbs, path)
	}
	if len(initdbs) == 0 {
		return nil, errors.New("PostgreSQL is missing: apt-get install postgresql")
	}
	c.bin = filepath.Dir(initdbs[len(initdbs)-1])
	version, err := exec.Command(filepath.Join(c.bin, "postgres"), "--version").Output() //nolint:gosec,noctx // found above; ends at once
	if err != nil {
		return nil, fmt.Errorf("asking PostgreSQL for its version: %w", err)
	}
	c.version = strings.TrimSpace(strings.ReplaceAll(string(version), "postgres (PostgreSQL)", "PostgreSQL"))
	if c.dir, err = os.MkdirTemp("", "parley-postgres-"); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	return c, c.dropRoot()
}

// dropRoot has PostgreSQL run as somebody else than root, which it insists on.
func (c *cluster) dropRoot() error {
	if os.Getuid() != 0 {
		return nil
	}
	somebody, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.Atoi(somebody.Uid)
	if err != nil {
		return fmt.Errorf("looking up who runs PostgreSQL: %w", err)
	}
	c.as = []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}
	return os.Chown(c.dir, uid, -1)
}

// start starts both servers, and returns when Temporal serves.
func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	ports := map[string]string{}
	for _, name := range []string{
		"DB_PORT", "PROMETHEUS",
		"FRONTEND_GRPC_PORT", "FRONTEND_MEMBERSHIP_PORT", "FRONTEND_HTTP_PORT", "HISTORY_GRPC_PORT", "HISTORY_MEMBERSHIP_PORT",
		"MATCHING_GRPC_PORT", "MATCHING_MEMBERSHIP_PORT", "WORKER_GRPC_PORT", "WORKER_MEMBERSHIP_PORT",
	} {
		port, err := stack.Port(0)
		if err != nil {
			return err
		}
		ports[name] = strconv.Itoa(port)
	}
	if err := c.startPostgres(ctx, ports["DB_PORT"]); err != nil {
		return err
	}
	sql := map[string]string{"SQL_HOST": "127.0.0.1", "SQL_PORT": ports["DB_PORT"], "SQL_USER": dbUser, "SQL_PASSWORD": password}
	if err := c.job(ctx, "schema", sql); err != nil {
		return err
	}

	settings, err := readSettings(filepath.Join(folder, "temporal.env"))
	if err != nil {
		return err
	}
	dynamic, err := filepath.Abs(filepath.Join(folder, "dynamicconfig.yaml"))
	if err != nil {
		return fmt.Errorf("looking for dynamicconfig.yaml: %w", err)
	}
	prometheus := "127.0.0.1:" + ports["PROMETHEUS"]
	delete(ports, "PROMETHEUS")
	maps.Copy(settings, ports)
	maps.Copy(settings, map[string]string{
		"POSTGRES_SEEDS": "127.0.0.1", "POSTGRES_PWD": password, "BIND_ON_IP": "127.0.0.1",
		"PROMETHEUS_ENDPOINT": prometheus, "DYNAMIC_CONFIG_FILE_PATH": dynamic,
	})
	c.address, c.metrics = "127.0.0.1:"+ports["FRONTEND_GRPC_PORT"], "http://"+prometheus+"/metrics"
	binary, err := program("temporal-server")
	if err != nil {
		return err
	}
	c.temporal = &server{name: "temporal", program: binary, args: []string{"start"}, settings: settings, ready: c.serves}
	if err := c.temporal.start(ctx, c.dir); err != nil {
		return err
	}
	if _, err := exec.LookPath("temporal"); err != nil {
		fmt.Println("there is no temporal command here, so namespace.sh is not tried")
		return nil
	}
	return c.job(ctx, "namespace", map[string]string{"TEMPORAL_ADDRESS": c.address, "TEMPORAL_NAMESPACE": "default", "TEMPORAL_RETENTION": "168h"})
}

func (c *cluster) startPostgres(ctx context.Context, port string) error {
	data, secret := filepath.Join(c.dir, "data"), filepath.Join(c.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o644); err != nil { //nolint:gosec // read by another user, and no secret
		return fmt.Errorf("writing the database's password: %w", err)
	}
	initdb := c.commandLine("initdb", "--pgdata="+data, "--username="+dbUser, "--pwfile="+secret, "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale")
	if out, err := exec.CommandContext(ctx, initdb[0], initdb[1:]...).CombinedOutput(); err != nil { //nolint:gosec // found by us
		return fmt.Errorf("setting up PostgreSQL: %w: %s", err, out)
	}
	line := c.commandLine("postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200")
	c.postgres = &server{name: "postgres", program: line[0], args: line[1:], ready: func(_ context.Context, p *stack.Process) bool {
		return p.Said("ready to accept connections")
	}}
	return c.postgres.start(ctx, c.dir)
}

// commandLine is how one of PostgreSQL's programs is run.
func (c *cluster) commandLine(name string, args ...string) []string {
	return slices.Concat(c.as, []string{filepath.Join(c.bin, name)}, args)
}

// job runs a script of the Compose file twice: it has to bear that.
func (c *cluster) job(ctx context.Context, name string, settings map[string]string) error {
	tool, err := program("temporal-sql-tool")
	if err != nil {
		return err
	}
	for range 2 {
		script := exec.CommandContext(ctx, "sh", filepath.Join(folder, name+".sh")) //nolint:gosec // ours
		script.Env = append(stack.Environment(c.dir, settings), "PATH="+filepath.Dir(tool)+":"+os.Getenv("PATH"))
		if out, err := script.CombinedOutput(); err != nil {
			return fmt.Errorf("%s.sh: %w: %s", name, err, out)
		}
	}
	return nil
}

// serves asks Temporal whether it is healthy.
func (c *cluster) serves(ctx context.Context, _ *stack.Process) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	temporal, err := client.DialContext(ctx, client.Options{HostPort: c.address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return false
	}
	defer temporal.Close()
	_, err = temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err == nil
}

// stop ends both servers, Temporal first, and removes the folder unless it is to
// be kept.
func (c *cluster) stop(keep bool) {
	for _, s := range []*server{c.temporal, c.postgres} {
		if s == nil {
			continue
		}
		if err := s.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "postgres:", err)
		}
	}
	if keep {
		fmt.Fprintln(os.Stderr, "postgres: the logs are in", c.dir)
		return
	}
	_ = os.RemoveAll(c.dir) // nobody needs it; what cannot be removed may stay
}

// readSettings reads a file of NAME=VALUE lines, as Compose does.
func readSettings(path string) (map[string]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the server's settings: %w", err)
	}
	settings := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if ok && !strings.HasPrefix(name, "#") {
			settings[name] = value
		}
	}
	return settings, nil
}
