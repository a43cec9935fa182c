package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davit-dev/davit"
)

// The files of a proxy's directory.
const (
	tableFile    = "table.json"
	previousFile = "table.json.prev"
	stateFile    = "proxy.json"
	socketFile   = "control.sock"
	lockFile     = "proxy.lock"
	logFile      = "proxy.log"
)

// kept is the form of a table on disk: with a checksum, so that no damaged one
// is served from.
type kept struct {
	SHA256 string          `json:"sha256"`
	Table  json.RawMessage `json:"table"`
}

// keepTable writes the table to dir, and keeps the one before it.
func keepTable(dir string, table *Table) error {
	encoded, err := json.Marshal(table)
	if err != nil {
		return fmt.Errorf("encoding routing table %d: %w", table.Number, err)
	}
	sum := sha256.Sum256(encoded)
	data, err := json.Marshal(kept{SHA256: hex.EncodeToString(sum[:]), Table: encoded})
	if err != nil {
		return fmt.Errorf("encoding routing table %d: %w", table.Number, err)
	}
	path, previous := filepath.Join(dir, tableFile), filepath.Join(dir, previousFile)
	if _, err := readTable(path); err == nil { // a damaged one must not replace a good one
		_ = os.Remove(previous) // Link says what matters
		if err := os.Link(path, previous); err != nil {
			return fmt.Errorf("keeping the previous routing table: %w", err)
		}
	}
	return writeFile(path, data)
}

// loadTable returns the last good table in dir; nil when there is none yet. The
// warning says why it is not the last one, if so.
func loadTable(dir string) (table *Table, warning, err error) {
	table, err = readTable(filepath.Join(dir, tableFile))
	if err == nil {
		return table, nil, nil
	}
	previous, previousErr := readTable(filepath.Join(dir, previousFile))
	switch {
	case errors.Is(err, fs.ErrNotExist) && errors.Is(previousErr, fs.ErrNotExist):
		return nil, nil, nil
	case previousErr == nil:
		return previous, err, nil
	}
	return nil, nil, &davit.Error{Code: davit.CodeUnavailable,
		Message: "no good routing table in " + dir,
		Hint:    "a running server sends a new one; remove " + tableFile + " to start without one until then",
		Err:     errors.Join(err, previousErr)}
}

func readTable(path string) (*Table, error) {
	data, err := os.ReadFile(path) //nolint:gosec // in the proxy's own directory
	if err != nil {
		return nil, fmt.Errorf("reading the kept routing table: %w", err)
	}
	table, err := decodeKept(data)
	if err != nil {
		return nil, fmt.Errorf("the kept routing table %s (%d bytes) is refused: %w", path, len(data), err)
	}
	return table, nil
}

func decodeKept(data []byte) (*Table, error) {
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, fmt.Errorf("it is truncated or damaged: %w", err)
	}
	sum := sha256.Sum256(bytes.TrimSpace(k.Table))
	if hex.EncodeToString(sum[:]) != k.SHA256 {
		return nil, errors.New("it is damaged: its checksum does not fit")
	}
	return DecodeTable(k.Table)
}

// writeFile replaces a file in one step that survives a crash at any point:
// before it the old content is there, after it the new one.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // the first error is the one that matters
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the proxy's own directory
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	defer func() { _ = d.Close() }() // nothing was written through it
	if err := d.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}
