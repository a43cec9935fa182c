package receipt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/tlog"
)

// Key is a public key.
type Key interface {
	KeyID() string
	// Verify reports whether the key has signed the message.
	Verify(message, signature []byte) bool
	// Tree returns the tree that a checkpoint of the audit log is over, when
	// the key has signed it.
	Tree(checkpoint []byte) (tlog.Tree, error)
}

// Part is a part of a receipt's file.
type Part string

// The parts of a receipt.
const (
	PartFile       Part = "file"       // not in the form of a receipt
	PartPayload    Part = "payload"    // the statement is not the one that was signed
	PartSignature  Part = "signature"  // the statement's signature
	PartKey        Part = "key"        // the signature names another key
	PartEntry      Part = "entry"      // the audit log's entry
	PartProof      Part = "proof"      // the audit log does not hold the entry, by this proof
	PartCheckpoint Part = "checkpoint" // the audit log's signed tree
)

// Fault says what is wrong with a receipt.
type Fault struct {
	Part Part `json:"part"`
	// Fields are those of the statement that are not as they were signed,
	// where that can be told: "predicate.witness".
	Fields []string `json:"fields,omitempty"`
	Detail string   `json:"detail"`
}

// Error says what is wrong.
func (f *Fault) Error() string {
	if len(f.Fields) > 0 {
		return fmt.Sprintf("the %s was changed, in %s: %s", f.Part, strings.Join(f.Fields, ", "), f.Detail)
	}
	return fmt.Sprintf("the %s was changed: %s", f.Part, f.Detail)
}

func fault(part Part, format string, args ...any) *Fault {
	return &Fault{Part: part, Detail: fmt.Sprintf(format, args...)}
}

// Verified is a receipt that is as it was signed.
type Verified struct {
	Statement Statement `json:"statement"`
	KeyID     string    `json:"keyId"`
	// Entry is the receipt's audit entry, one of Size.
	Entry int64 `json:"entry"`
	Size  int64 `json:"size"`
}

// Verify checks a receipt's file with the public key alone: the signature, that
// the audit log holds an entry with the digest of what was signed, and that the
// log's tree is signed too. What is wrong is a *Fault.
func Verify(file []byte, key Key) (*Verified, error) {
	b, err := parseBundle(file)
	if err != nil {
		return nil, fault(PartFile, "%v", err)
	}
	c, f := b.open(key)
	if f == nil {
		f = c.judge()
	}
	if f != nil {
		return nil, f
	}
	v := &Verified{KeyID: key.KeyID(), Entry: b.Log.Index, Size: c.tree.N}
	if err := json.Unmarshal(c.payload, &v.Statement); err != nil {
		return nil, fault(PartPayload, "it is no receipt's statement: %v", err)
	}
	if s := v.Statement; s.Type != StatementType || s.PredicateType != PredicateType || s.Predicate.Rollout.ID != c.entry.Rollout {
		return nil, fault(PartPayload, "it is no receipt's statement of rollout %s", c.entry.Rollout)
	}
	return v, nil
}

// check is a receipt taken apart, with what holds of it.
type check struct {
	payload  []byte
	signed   bool // the signature is of the payload
	tree     tlog.Tree
	treeErr  error // the checkpoint is none of the key's
	entry    davit.AuditEntry
	bound    Bound
	entryErr error // the entry is none of a receipt
	included error // why the entry is not in the tree
}

// open finds out what holds. What is no base64 is told at once.
func (b Bundle) open(key Key) (*check, *Fault) {
	c := &check{}
	var err error
	if c.payload, err = decode(b.Envelope.Payload); err != nil {
		return nil, fault(PartPayload, "%v", err)
	}
	s := b.Envelope.Signatures[0]
	if s.KeyID != key.KeyID() {
		return nil, fault(PartKey, "the receipt names the key %q, and the one given is %q", s.KeyID, key.KeyID())
	}
	signature, err := decode(s.Sig)
	if err != nil {
		return nil, fault(PartSignature, "%v", err)
	}
	if b.Envelope.PayloadType != PayloadType {
		return nil, fault(PartFile, "the type of the payload is %q, not %q", b.Envelope.PayloadType, PayloadType)
	}
	c.signed = key.Verify(pae(b.Envelope.PayloadType, c.payload), signature)
	leaf, err := decode(b.Log.Entry)
	if err != nil {
		return nil, fault(PartEntry, "%v", err)
	}
	proof, err := b.Log.proof()
	if err != nil {
		return nil, fault(PartProof, "%v", err)
	}
	c.entryErr = c.read(leaf, b.Log.Index)
	if c.tree, c.treeErr = key.Tree([]byte(b.Log.Checkpoint)); c.treeErr == nil {
		if b.Log.Index < 0 || b.Log.Index >= c.tree.N {
			c.included = fmt.Errorf("the log has %d entries, and no entry %d", c.tree.N, b.Log.Index)
		} else {
			c.included = tlog.CheckRecord(proof, c.tree.N, c.tree.Hash, b.Log.Index, tlog.RecordHash(leaf))
		}
	}
	return c, nil
}

// read reads the audit entry.
func (c *check) read(leaf []byte, index int64) error {
	if err := json.Unmarshal(leaf, &c.entry); err != nil {
		return err
	}
	if c.entry.Action != Action {
		return fmt.Errorf("it is of %q, not of a receipt", c.entry.Action)
	}
	if c.entry.Index != index {
		return fmt.Errorf("it is entry %d, not %d", c.entry.Index, index)
	}
	return json.Unmarshal(c.entry.After, &c.bound)
}

// judge names the part that was changed. One changed part is named; of several,
// the one that matters most.
func (c *check) judge() *Fault {
	same := c.entryErr == nil && c.bound.Statement == digest(c.payload).SHA256
	switch {
	case !c.signed && same:
		return fault(PartSignature, "the statement is the one in the audit log, and the signature is not the key's")
	case !c.signed:
		return c.changed()
	case c.treeErr != nil:
		return fault(PartCheckpoint, "%v", c.treeErr)
	case c.entryErr != nil:
		return fault(PartEntry, "%v", c.entryErr)
	case !same:
		return fault(PartEntry, "it holds the digest of another statement than the one that is signed")
	case c.included != nil:
		return fault(PartProof, "the entry and the hashes beside it are not those of the signed tree: %v", c.included)
	}
	return nil
}

// changed tells what of the payload is not as the audit entry says it was.
func (c *check) changed() *Fault {
	if c.entryErr != nil || c.treeErr != nil || c.included != nil {
		return fault(PartPayload, "it was not signed by the key, and the audit log's entry cannot tell what it was")
	}
	parts, err := partsOf(c.payload)
	if err != nil {
		return fault(PartPayload, "it is no JSON any more: %v", err)
	}
	f := fault(PartPayload, "it is not the one that was signed")
	for _, name := range slices.Sorted(maps.Keys(c.bound.Parts)) {
		if raw, ok := parts[name]; !ok || digest(raw).SHA256 != c.bound.Parts[name] {
			f.Fields = append(f.Fields, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if _, ok := c.bound.Parts[name]; !ok {
			f.Fields = append(f.Fields, name)
		}
	}
	return f
}
