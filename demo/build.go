package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const bin = ".bin"

// programs that make an installation, besides the server.
var programs = map[string]string{"worker": "./worker", "webhook": "./webhook", "parley": "./starter", "simulator": "./simulator"}

// build builds the programs, which takes a moment the first time.
func build(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := goBuild(ctx, ".", "-o", filepath.Join(bin, name), programs[name]); err != nil {
			return err
		}
	}
	return nil
}

// buildDevserver builds the Temporal server once. It is large, so it shows how
// far it is.
func buildDevserver(ctx context.Context) error {
	path := filepath.Join(bin, "devserver")
	if newer(path, "devserver/*.go", "devserver/go.mod") {
		return nil
	}
	fmt.Println("Building the Temporal server once. This takes some minutes; with a `temporal` command line in the PATH `make demo` uses that instead.")
	output, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("building the Temporal server: %w", err)
	}
	return goBuild(ctx, "devserver", "-v", "-o", output, ".")
}

// newer reports whether a program is newer than all of its sources.
func newer(program string, patterns ...string) bool {
	built, err := os.Stat(program)
	if err != nil {
		return false
	}
	for _, pattern := range patterns {
		sources, err := filepath.Glob(pattern)
		if err != nil {
			return false
		}
		for _, source := range sources {
			info, err := os.Stat(source)
			if err != nil || info.ModTime().After(built.ModTime()) {
				return false
			}
		}
	}
	return true
}

func goBuild(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...) //nolint:gosec // our own packages
	cmd.Dir = dir
	output, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("building with go: %w", err)
	}
	said := progress(output)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.New("building with go:\n" + said)
	}
	return nil
}

// progress shows how many packages have been built, at most once a second, and
// returns what is no package's name: an error of the compiler.
func progress(output io.Reader) string {
	var said strings.Builder
	var shown time.Time
	count := 0
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		line := lines.Text()
		if strings.ContainsAny(line, " \t:") {
			said.WriteString(line + "\n")
			continue
		}
		count++
		if time.Since(shown) > time.Second {
			shown = time.Now()
			fmt.Printf("\r  %d packages … ", count)
		}
	}
	if !shown.IsZero() {
		fmt.Printf("\r  %d packages.  \n", count)
	}
	return strings.TrimSpace(said.String())
}
