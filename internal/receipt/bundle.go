package receipt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// MediaType is the type of a receipt's file.
const MediaType = "application/vnd.davit.receipt.v1+json"

// MaxBytes bounds a receipt's file.
const MaxBytes = 8 << 20

// Bundle is a receipt's file: all that is needed to verify it offline, but for
// the public key.
type Bundle struct {
	MediaType string   `json:"mediaType"`
	Envelope  Envelope `json:"dsseEnvelope"`
	Log       Log      `json:"log"`
}

// Log proves that the receipt's audit entry is in the audit log.
type Log struct {
	Index int64 `json:"index"` // of the entry
	// Entry is the entry's bytes, base64: its JSON, as the log hashes it.
	Entry string `json:"entry"`
	// Hashes is the RFC 6962 inclusion proof, base64, in the tree of
	// Checkpoint, a signed note.
	Hashes     []string `json:"hashes"`
	Checkpoint string   `json:"checkpoint"`
}

// NewBundle puts a stored envelope and its proof together, as a file.
func NewBundle(envelope []byte, index int64, leaf []byte, proof []tlog.Hash, checkpoint []byte) ([]byte, error) {
	b := Bundle{MediaType: MediaType, Log: Log{
		Index: index, Entry: base64.StdEncoding.EncodeToString(leaf), Hashes: []string{}, Checkpoint: string(checkpoint),
	}}
	if err := json.Unmarshal(envelope, &b.Envelope); err != nil {
		return nil, fmt.Errorf("reading a stored receipt: %w", err)
	}
	for _, h := range proof {
		b.Log.Hashes = append(b.Log.Hashes, base64.StdEncoding.EncodeToString(h[:]))
	}
	return b.encode()
}

// encode writes the bundle in its one form.
func (b Bundle) encode() ([]byte, error) {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding a receipt: %w", err)
	}
	return append(text, '\n'), nil
}

// parseBundle reads a file that encode wrote. There are no two spellings of the
// same receipt.
func parseBundle(file []byte) (b Bundle, err error) {
	if len(file) > MaxBytes {
		return b, fmt.Errorf("it is larger than %d bytes", MaxBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return b, err
	}
	again, err := b.encode()
	if err != nil {
		return b, err
	}
	if at := differ(file, again); at >= 0 {
		return b, fmt.Errorf("byte %d is not as a receipt is written", at)
	}
	if b.MediaType != MediaType {
		return b, fmt.Errorf("its media type is %q, not %q", b.MediaType, MediaType)
	}
	if len(b.Envelope.Signatures) != 1 {
		return b, errors.New("it has not one signature")
	}
	return b, nil
}

// differ returns the first byte in which two texts differ, -1 for none.
func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// proof returns the hashes of the inclusion proof.
func (l Log) proof() ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(l.Hashes))
	for i, text := range l.Hashes {
		raw, err := decode(text)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("hash %d of the proof is none", i)
		}
		copy(list[i][:], raw)
	}
	return list, nil
}

// Read returns what a receipt's file says, also as the JSON that was signed.
// Nothing is verified.
func Read(file []byte) (s Statement, payload json.RawMessage, err error) {
	b, err := parseBundle(file)
	if err != nil {
		return s, nil, err
	}
	if payload, err = decode(b.Envelope.Payload); err != nil {
		return s, nil, fmt.Errorf("the payload: %w", err)
	}
	if err := json.Unmarshal(payload, &s); err != nil {
		return s, nil, fmt.Errorf("the payload: %w", err)
	}
	return s, payload, nil
}
