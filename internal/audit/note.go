package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A note's first line is its key's name followed by what kind of note it is.
// No name holds a space, so that a note of one kind is none of the other.
const (
	checkpointLine = ""
	sealLine       = " entry"
)

// maxNote bounds a signed note, in bytes.
const maxNote = 4 << 10

// text returns the text of a note: first line, size, root.
func text(name, kind string, tree tlog.Tree) string {
	return fmt.Sprintf("%s%s\n%d\n%s\n", name, kind, tree.N, tree.Hash)
}

// sign returns a signed note over a tree.
func (k *Key) sign(kind string, tree tlog.Tree) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text(k.signer.Name(), kind, tree)}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("signing a tree of %d entries: %w", tree.N, err)
	}
	return signed, nil
}

// open returns the tree that a note of the kind is over. It takes a note in the
// one form that sign writes: there are no two spellings of the same note.
func open(message []byte, verifier note.Verifier, kind string) (tlog.Tree, error) {
	if len(message) > maxNote {
		return tlog.Tree{}, fmt.Errorf("the note is longer than %d bytes", maxNote)
	}
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 {
		return tlog.Tree{}, errors.New("the note is not over a tree")
	}
	var tree tlog.Tree
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil || tree.N < 0 {
		return tlog.Tree{}, errors.New("the note holds no size")
	}
	if tree.Hash, err = tlog.ParseHash(lines[2]); err != nil {
		return tlog.Tree{}, errors.New("the note holds no root")
	}
	if opened.Text != text(verifier.Name(), kind, tree) {
		return tlog.Tree{}, errors.New("the note is of another kind")
	}
	signature := opened.Sigs[0].Base64
	if _, err := base64.StdEncoding.Strict().DecodeString(signature); err != nil ||
		string(message) != fmt.Sprintf("%s\n— %s %s\n", opened.Text, verifier.Name(), signature) {
		return tlog.Tree{}, errors.New("the note holds more than its signature")
	}
	return tree, nil
}
