package encryption

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

const (
	// packed is the encoding of what converter.NewZlibCodec makes, which this makes
	// too. That one builds a compressor for each payload, which takes ten times as
	// long as the rest, encryption and all.
	packed = "binary/zlib"
	// worthPacking is the size from which packing wins anything.
	worthPacking = 512
)

var packers = sync.Pool{New: func() any {
	w, _ := zlib.NewWriterLevel(nil, zlib.BestSpeed) // the level is one
	return w
}}

func pack(p *commonpb.Payload) (*commonpb.Payload, error) {
	if len(p.GetData()) < worthPacking {
		return p, nil
	}
	raw, err := proto.Marshal(p)
	if err != nil {
		return nil, err
	}
	var into bytes.Buffer
	into.Grow(len(raw) / 2)
	w := packers.Get().(*zlib.Writer)
	defer packers.Put(w)
	w.Reset(&into)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if into.Len() >= len(raw) {
		return p, nil
	}
	return &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(packed)}, Data: into.Bytes()}, nil
}

var unpackers sync.Pool // of io.ReadCloser, which are also zlib.Resetter

func unpack(p *commonpb.Payload) (*commonpb.Payload, error) {
	if encodingOf(p) != packed {
		return p, nil
	}
	from := bytes.NewReader(p.GetData())
	r, known := unpackers.Get().(io.ReadCloser)
	var err error
	if known {
		err = r.(zlib.Resetter).Reset(from, nil)
	} else {
		r, err = zlib.NewReader(from)
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	defer unpackers.Put(r)
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	whole := &commonpb.Payload{}
	return whole, proto.Unmarshal(raw, whole)
}
