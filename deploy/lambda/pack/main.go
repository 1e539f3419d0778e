// Command pack puts programs for AWS Lambda into zip files, so that building
// them takes nothing but Go. The same program makes the same bytes.
package main

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pack PROGRAM ZIPFILE")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// bootstrap is what the runtime starts.
const bootstrap = "bootstrap"

// pack writes a zip file whose only file is the program, which may be executed.
func pack(program, name string) (err error) {
	in, err := os.Open(program) //nolint:gosec // the makefile's own
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(name) //nolint:gosec // likewise
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := zip.NewWriter(out)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	header := &zip.FileHeader{Name: bootstrap, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	file, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, in); err != nil {
		return err
	}
	return w.Close()
}
