package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/note"
)

// Key is an Ed25519 key that signs a log, in the form of a note signer key.
type Key struct {
	signer   note.Signer
	verifier note.Verifier
	public   string
}

// LoadOrCreateKey reads the private key at path, or creates it there when there
// is none, readable to its owner alone. The public key lies beside it, at
// path.pub. name is the log's origin, without spaces and plus signs, such as
// "shop.example.org/davit"; a key of another name is refused.
func LoadOrCreateKey(path, name string) (*Key, error) {
	content, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if content, err = generate(path, name); err != nil {
			err = fmt.Errorf("creating the audit key %s: %w", path, err)
		}
	}
	if err != nil {
		return nil, err
	}
	key, err := parseKey(strings.TrimSpace(string(content)))
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeRefused, Message: "the audit key " + path + " is damaged: " + err.Error(),
			Hint: "restore it from a backup; a new key cannot go on with the log of the old one"}
	}
	if key.signer.Name() != name {
		return nil, &davit.Error{Code: davit.CodeRefused,
			Message: fmt.Sprintf("the audit key %s is of the log %s, not of %s", path, key.signer.Name(), name),
			Hint:    "name the key file of this log"}
	}
	public := []byte(key.public + "\n")
	if present, err := os.ReadFile(path + ".pub"); err == nil && bytes.Equal(present, public) { //nolint:gosec // the operator's path
		return key, nil
	}
	if err := replace(path+".pub", public, 0o644, os.Rename); err != nil {
		return nil, fmt.Errorf("writing the public audit key %s.pub: %w", path, err)
	}
	return key, nil
}

// readPrivate reads a private key file, unless others can too.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("looking at the audit key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &davit.Error{Code: davit.CodeRefused,
			Message: fmt.Sprintf("the audit key %s can be read or written by others (mode %#o)", path, info.Mode().Perm()),
			Hint:    "chmod 600 " + path + ", if nobody else had it"}
	}
	content, err := os.ReadFile(path) //nolint:gosec // the operator's path
	if err != nil {
		return nil, fmt.Errorf("reading the audit key: %w", err)
	}
	return content, nil
}

// generate writes a new private key, unless one has appeared at path.
func generate(path, name string) ([]byte, error) {
	private, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, err
	}
	content := []byte(private + "\n")
	return content, replace(path, content, 0o600, os.Link)
}

// parseKey reads a note signer key. Its errors hold nothing of the key.
func parseKey(private string) (*Key, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, errors.New("it is not a note signer key")
	}
	fields := strings.SplitN(private, "+", 5) // PRIVATE+KEY+name+hash+base64, which NewSigner has checked
	seed, err := base64.StdEncoding.DecodeString(fields[len(fields)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, errors.New("it is not an Ed25519 key")
	}
	point, _ := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	public, err := note.NewEd25519VerifierKey(signer.Name(), point)
	if err != nil {
		return nil, errors.New("it has no public key")
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, errors.New("it has no public key")
	}
	return &Key{signer: signer, verifier: verifier, public: public}, nil
}

// replace writes a file whole: to a draft that is synced, then given its name
// by place (os.Rename, or os.Link to overwrite nothing).
func replace(path string, content []byte, mode fs.FileMode, place func(draft, path string) error) error {
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // readable to its owner alone
	if err != nil {
		return err
	}
	_, err = draft.Write(content)
	err = errors.Join(err, draft.Chmod(mode), draft.Sync(), draft.Close())
	if err == nil {
		err = place(draft.Name(), path)
	}
	if removed := os.Remove(draft.Name()); !errors.Is(removed, fs.ErrNotExist) { // os.Rename has taken it
		err = errors.Join(err, removed)
	}
	if err != nil {
		return err
	}
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
