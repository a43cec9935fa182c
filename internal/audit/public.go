package audit

import (
	"fmt"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Public is the public half of a log's key.
type Public struct{ verifier note.Verifier }

// ParsePublic reads a note verifier key, as it lies beside a server's audit key.
func ParsePublic(verifierKey string) (*Public, error) {
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return nil, badPublicKey(err)
	}
	return &Public{verifier}, nil
}

func badPublicKey(err error) error {
	return &davit.Error{Code: davit.CodeInvalid, Message: "the public audit key is not a note verifier key", Err: err,
		Hint: "give the .pub file that lies beside the server's audit key"}
}

// KeyID names the key: "davit+1a2b3c4d".
func (p *Public) KeyID() string { return keyID(p.verifier.Name(), p.verifier.KeyHash()) }

func keyID(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

// Verify reports whether the key has signed a message that is no note.
func (p *Public) Verify(message, signature []byte) bool {
	return p.verifier.Verify(message, signature)
}

// Tree returns the tree that a checkpoint of the log is over.
func (p *Public) Tree(checkpoint []byte) (tlog.Tree, error) {
	return open(checkpoint, p.verifier, checkpointLine)
}
