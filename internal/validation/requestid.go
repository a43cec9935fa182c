package validation

import (
	"crypto/rand"
	"encoding/hex"
)

// newRequestID returns an ID that no other request has.
func newRequestID() string {
	var id [12]byte
	_, _ = rand.Read(id[:]) // documented never to fail
	return "davit-" + hex.EncodeToString(id[:])
}
