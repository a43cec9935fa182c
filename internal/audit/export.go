package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/tlog"
)

// Source is the store that a log lies in.
type Source interface {
	// AuditCheckpoint returns the latest checkpoint; nil when the log is empty.
	AuditCheckpoint(ctx context.Context) ([]byte, error)
	// AuditRecords lists the sealed entries from index from on, limit at most.
	AuditRecords(ctx context.Context, from int64, limit int) ([]davit.AuditRecord, error)
}

// page is how many entries are read, and checked side by side, at once.
const page = 256

// format names the form of an export.
const format = "davit audit export 1"

// Checkpoint returns the log's latest signed checkpoint, that of the empty log
// too.
func (l *Log) Checkpoint(ctx context.Context, source Source) ([]byte, error) {
	checkpoint, err := source.AuditCheckpoint(ctx)
	if err != nil || checkpoint != nil {
		return checkpoint, err
	}
	empty, err := new(frontier).head()
	if err != nil {
		return nil, err
	}
	return l.key.sign(checkpointLine, empty)
}

// Export writes the log as lines of JSON: a header, every entry with its seal,
// the signed checkpoint last. Entries that are added meanwhile are left out.
func (l *Log) Export(ctx context.Context, source Source, w io.Writer) error {
	checkpoint, err := l.Checkpoint(ctx, source)
	if err != nil {
		return err
	}
	tree, err := open(checkpoint, l.key.verifier, checkpointLine)
	if err != nil {
		return fmt.Errorf("reading the log's checkpoint: %w", err)
	}
	out := bufio.NewWriter(w)
	write := func(line []byte) error {
		_, err := out.Write(append(line, '\n'))
		return err
	}
	if err := write(headerOf(l.key.signer.Name())); err != nil {
		return err
	}
	err = pages(ctx, source, tree, func(records []davit.AuditRecord) error {
		for _, r := range records {
			if err := write(entryLine(r.Leaf, r.Seal)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := write(checkpointOf(checkpoint)); err != nil {
		return err
	}
	return out.Flush()
}

// pages calls do with the records of a tree, in their order, some at a time. There
// are fewer when the store has lost some.
func pages(ctx context.Context, source Source, tree tlog.Tree, do func([]davit.AuditRecord) error) error {
	for n := int64(0); n < tree.N; {
		records, err := source.AuditRecords(ctx, n, int(min(page, tree.N-n)))
		if err != nil {
			return fmt.Errorf("reading the log from entry %d: %w", n, err)
		}
		if len(records) == 0 {
			return nil
		}
		if err := do(records); err != nil {
			return err
		}
		n = records[len(records)-1].Index + 1
	}
	return nil
}

func headerOf(origin string) []byte {
	return fmt.Appendf(nil, `{"format":%s,"origin":%s}`, quote(format), quote(origin))
}

func entryLine(leaf, seal []byte) []byte {
	return fmt.Appendf(nil, `{"entry":%s,"seal":%s}`, leaf, quote(string(seal)))
}

func checkpointOf(note []byte) []byte {
	return fmt.Appendf(nil, `{"checkpoint":%s}`, quote(string(note)))
}

// quote returns the JSON of a string, which always has one.
func quote(s string) []byte {
	quoted, _ := json.Marshal(s)
	return quoted
}
