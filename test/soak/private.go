package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"go.temporal.io/sdk/client"

	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/sinch/sinchtest"
)

// Keys that all programs of a private run share.
const (
	privateIDKey = "c29hay1zb2FrLXNvYWstc29hay1zb2FrLXNvYWstc28="
	privateKeys  = "soak:c29hay1zb2FrLXNvYWstc29hay1zb2FrLXNvYWstc28="
)

// private encrypts what a client of ours says, and tells how ids are made, as the
// environment has it.
func private(env settings.Env, worker bool, options *client.Options) (wire.IDs, error) {
	var ring secrets.Value
	if keys := env["PARLEY_ENCRYPTION_KEYS"]; keys != "" {
		ring = secrets.Fixed(keys)
	}
	keys, err := encryption.Open(slog.New(slog.DiscardHandler), ring)
	if err != nil {
		return wire.IDs{}, err
	}
	if worker {
		encryption.ApplyToWorker(options, keys)
	} else {
		encryption.Apply(options, keys)
	}
	if env["PARLEY_ID_KEY"] == "" {
		return wire.IDs{}, nil
	}
	return settings.ReadIDs(context.Background(), secrets.Fixed(env["PARLEY_ID_KEY"]))
}

// personal is what no file may hold: contacts' numbers, and all that was said.
func personal(contacts []*contact, said ...[]sinchtest.Message) map[string]bool {
	words := map[string]bool{}
	for _, c := range contacts {
		words[strings.TrimPrefix(string(c.number), "+")] = true
	}
	for _, messages := range said {
		for _, m := range messages {
			if len(m.Text) >= shortestText {
				words[m.Text] = true
			}
		}
	}
	return words
}

// shortestText is one that does not stand anywhere by chance.
const shortestText = 8

// leaks names the files of a folder that hold any of the words, and how many: the
// server's database and everybody's logs.
func leaks(dir string, words map[string]bool) (found []string, err error) {
	files := os.DirFS(dir)
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		n := 0
		for word := range words {
			if bytes.Contains(content, []byte(word)) {
				n++
			}
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%s holds %d of %d numbers and texts", path, n, len(words)))
		}
		return nil
	})
	return found, err
}
