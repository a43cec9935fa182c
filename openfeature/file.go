package openfeature

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// compile makes a snapshot ready to be evaluated.
func compile(from davit.FlagSnapshot, tag string) (*loaded, error) {
	compiled, err := flag.Compile(from.Environment, from.Flags, from.Segments)
	if err != nil {
		return nil, err
	}
	return &loaded{from: from, tag: tag, compiled: compiled, uses: newUses(from.Flags)}, nil
}

// readFile returns the flags that were kept; nil when none were.
func readFile(path string) (*loaded, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the flags that were kept: %w", err)
	}
	e, err := davit.DecodeFlagEdition(text)
	if err != nil {
		return nil, err
	}
	return compile(e.Snapshot, "")
}

// keep writes flags to a file, whole or not at all.
func keep(path string, from davit.FlagSnapshot) error {
	if path == "" {
		return nil
	}
	text, err := davit.FlagEdition{Snapshot: from}.Encode()
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // of mode 0600
	if err != nil {
		return fmt.Errorf("keeping flags: %w", err)
	}
	_, err = draft.Write(text)
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping flags: %w", err), os.Remove(draft.Name()))
	}
	return nil
}
