package encryption

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// What an encrypted payload says of itself. The key's id is bound to what it
// encrypts.
const (
	Encoding      = "binary/encrypted"
	MetadataKeyID = "encryption-key-id"
)

// readable are the encodings that the SDK's converter reads.
var readable = map[string]bool{
	converter.MetadataEncodingNil: true, converter.MetadataEncodingBinary: true, converter.MetadataEncodingJSON: true,
	converter.MetadataEncodingProtoJSON: true, converter.MetadataEncodingProto: true,
}

// An Unreadable payload may be read once the program has the key, or the codec,
// that it lacks.
type Unreadable struct {
	KeyID string // empty: it is not about a key
	why   string
}

func (u *Unreadable) Error() string { return u.why }

// Unreadable tells this error from others where the package is not known.
func (*Unreadable) Unreadable() {}

// A Codec encrypts payloads with the first key, and decrypts with any. What is not
// encrypted passes, so that it can be turned on for conversations that run. It may
// wait for keys that are kept elsewhere.
type Codec struct {
	Keys *Keys
}

// Encode implements converter.PayloadCodec. It fails, rather than encrypt nothing,
// if there ought to be keys and they are not known.
func (c Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	r, err := c.Keys.current(context.Background())
	if err != nil {
		return nil, err
	}
	return r.encode(payloads)
}

// Decode implements converter.PayloadCodec. Its error is an Unreadable.
func (c Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.decode)
}

func (c Codec) decode(p *commonpb.Payload) (*commonpb.Payload, error) {
	if encodingOf(p) != Encoding {
		return pass(p)
	}
	r, err := c.Keys.current(context.Background())
	if err != nil {
		return nil, &Unreadable{KeyID: KeyID(p), why: fmt.Sprintf("reading what is encrypted with the key %q: %v", KeyID(p), err)}
	}
	opened, err := r.open(p)
	if err != nil {
		opened, err = c.Keys.newer(context.Background()).open(p)
	}
	return opened, err
}

// insistent is a codec for workflow code. It panics, since only that fails the task
// wherever a payload is read, and the server lets a task try again until the key is
// there. A converter.WorkflowTaskFailureError does the same for results and inputs,
// but not for signals: the SDK drops for good a signal that gives any error, and an
// update is refused. It waits for nothing, because workflow code may not.
type insistent struct{ keys *Keys }

func (c insistent) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return c.keys.ring.Load().encode(payloads)
}

func (c insistent) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded, err := each(payloads, c.decode)
	if err != nil {
		panic(err)
	}
	return decoded, nil
}

func (c insistent) decode(p *commonpb.Payload) (*commonpb.Payload, error) {
	if encodingOf(p) != Encoding {
		return pass(p)
	}
	opened, err := c.keys.ring.Load().open(p)
	if err != nil {
		go c.keys.newer(context.Background()) // for the next try
	}
	return opened, err
}

func each(payloads []*commonpb.Payload, decode func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if decoded[i], err = decode(p); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}

// pass lets through what is not encrypted, and what nobody can ever read: the SDK
// has its own words for that.
func pass(p *commonpb.Payload) (*commonpb.Payload, error) {
	if encoding := encodingOf(p); encoding != "" && !readable[encoding] {
		return nil, &Unreadable{why: fmt.Sprintf("a payload has the encoding %q, which this program cannot read: it was written by one that has another codec", short(encoding))}
	}
	return p, nil
}

// IsEncrypted says whether a payload is one of ours.
func IsEncrypted(p *commonpb.Payload) bool { return encodingOf(p) == Encoding }

func encodingOf(p *commonpb.Payload) string {
	return string(p.GetMetadata()[converter.MetadataEncoding])
}

// KeyID is the id that an encrypted payload gives of its key.
func KeyID(p *commonpb.Payload) string { return short(string(p.GetMetadata()[MetadataKeyID])) }

// short keeps what a stranger may have written within the length of a line.
func short(s string) string { return s[:min(len(s), 32)] }

func (r *ring) encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if r.first == nil {
		return payloads, nil
	}
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if encoded[i], err = r.first.seal(p); err != nil {
			return nil, err
		}
	}
	return encoded, nil
}

func (k *key) seal(p *commonpb.Payload) (*commonpb.Payload, error) {
	small, err := pack(p)
	if err != nil {
		return nil, fmt.Errorf("encrypting a payload: %w", err)
	}
	plain, err := proto.Marshal(small)
	if err != nil {
		return nil, fmt.Errorf("encrypting a payload: %w", err)
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(Encoding), MetadataKeyID: []byte(k.id)},
		Data:     k.aead.Seal(nil, nil, plain, bound(k.id)), //nolint:gosec // it draws a nonce itself
	}, nil
}

// open decrypts a payload. Only what turned out to be ours is unpacked.
func (r *ring) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	id := KeyID(p)
	k := r.byID[id]
	if k == nil {
		return nil, &Unreadable{KeyID: id, why: fmt.Sprintf("a payload is encrypted with the key %q, which this program does not have: add it to PARLEY_ENCRYPTION_KEYS, or to the parameter that PARLEY_ENCRYPTION_KEYS_PARAM names", id)}
	}
	plain, err := k.aead.Open(nil, nil, p.GetData(), bound(k.id))
	if err != nil {
		return nil, &Unreadable{KeyID: id, why: fmt.Sprintf("a payload is not what was encrypted with the key %q: it was changed, or another key had this id; put that one into PARLEY_ENCRYPTION_KEYS", id)}
	}
	small := &commonpb.Payload{}
	if err := proto.Unmarshal(plain, small); err != nil {
		return nil, &Unreadable{KeyID: id, why: fmt.Sprintf("a payload that was encrypted with the key %q holds none", id)}
	}
	opened, err := unpack(small)
	if err != nil {
		return nil, &Unreadable{KeyID: id, why: fmt.Sprintf("a payload that was encrypted with the key %q cannot be unpacked", id)}
	}
	return opened, nil
}

func bound(id string) []byte { return []byte(Encoding + "\n" + id) }
