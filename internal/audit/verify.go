package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line of an export: an entry, its seal, and what is around.
const maxLine = MaxLeaf + 2*maxNote

// Verify checks an export with the public key alone. Older checkpoints, kept
// from before, show whether the log was rolled back or forked since. What is
// wrong with the log is returned as a *Fault; errors of another kind say that
// it could not be read. The memory it takes does not grow with the export.
func Verify(r io.Reader, verifierKey string, older ...[]byte) (Report, error) {
	c, err := newChain(verifierKey, older)
	if err != nil {
		return Report{}, err
	}
	v := &export{chain: c, in: bufio.NewReaderSize(r, maxLine)}
	report, err := v.verify()
	if f, ok := errors.AsType[*Fault](err); ok {
		f.Line = v.line
		return Report{}, v.settle(f)
	}
	return report, err
}

// batchBytes is about how much of an export is held at once.
const batchBytes = 1 << 20

// export reads the lines of an export.
type export struct {
	*chain
	in   *bufio.Reader
	line int // the number of the line that was read last

	ahead []line // lines that come next
	err   error  // what follows them
	rest  bool   // err is the end, after a line that has none
}

// line is one of an export, and what it is.
type line struct {
	raw        []byte
	entry      *opened
	checkpoint []byte
}

func (v *export) verify() (Report, error) {
	header, err := v.read()
	if err != nil {
		return Report{}, v.ended(err, -1)
	}
	if want := headerOf(v.verifier.Name()); !bytes.Equal(header.raw, want) {
		return Report{}, fault(Malformed, -1, "the header was changed, or the export is of another log than the key: want %s", want)
	}
	for {
		next, err := v.read()
		if err != nil {
			return Report{}, v.ended(err, v.tree.size)
		}
		if next.checkpoint != nil {
			return v.finish(next.checkpoint)
		}
		if next.entry == nil {
			return Report{}, fault(Malformed, v.tree.size, "entry %d was changed: the line is not in the form of an export", v.tree.size)
		}
		if _, f := v.next(*next.entry); f != nil {
			return Report{}, f
		}
	}
}

// finish checks the last line, and that it is the last.
func (v *export) finish(checkpoint []byte) (Report, error) {
	report, f := v.end(checkpoint)
	if f != nil {
		return Report{}, f
	}
	if _, err := v.read(); !errors.Is(err, io.EOF) || v.rest {
		return Report{}, fault(Malformed, v.tree.size, "something follows the checkpoint, which is the end of an export")
	}
	return report, nil
}

// read returns the next line.
func (v *export) read() (line, error) {
	if len(v.ahead) == 0 && v.err == nil {
		v.fill()
	}
	v.line++
	if len(v.ahead) == 0 {
		return line{}, v.err
	}
	next := v.ahead[0]
	v.ahead = v.ahead[1:]
	return next, nil
}

// fill reads some lines ahead and finds out what they are, side by side.
func (v *export) fill() {
	for size := 0; len(v.ahead) < page && size < batchBytes; {
		raw, err := v.in.ReadSlice('\n')
		if err != nil {
			v.err, v.rest = err, len(raw) > 0
			break
		}
		size += len(raw)
		v.ahead = append(v.ahead, line{raw: bytes.Clone(raw[:len(raw)-1])})
	}
	parallel(len(v.ahead), func(i int) { v.ahead[i].parse(v.chain) })
}

func (l *line) parse(c *chain) {
	if bytes.HasPrefix(l.raw, []byte(`{"checkpoint"`)) {
		if checkpoint, ok := parseCheckpoint(l.raw); ok {
			l.checkpoint = checkpoint
		}
	} else if leaf, seal, ok := parseEntry(l.raw); ok {
		o := c.open(leaf, seal)
		l.entry = &o
	}
}

// ended says what it means that no line could be read where entry was due.
func (v *export) ended(err error, entry int64) error {
	switch {
	case errors.Is(err, io.EOF):
		return fault(CutOff, entry, "the export was cut off: it ends before its checkpoint, where entry %d was due", max(entry, 0))
	case errors.Is(err, bufio.ErrBufferFull):
		return fault(Malformed, entry, "the line is longer than any of an export")
	}
	return fmt.Errorf("reading the export at line %d: %w", v.line, err)
}

// settle looks whether an entry that is missing in its place stands further
// down.
func (v *export) settle(f *Fault) error {
	if f.Kind != Missing {
		return f
	}
	at := v.line
	for {
		next, err := v.read()
		if err != nil {
			return f
		}
		if e := next.entry; e != nil && e.broken == nil && e.sealed.N == f.Entry+1 {
			f.Kind, f.Detail = Misplaced, fmt.Sprintf("entry %d is out of place: it stands in line %d, and another entry in line %d", f.Entry, v.line, at)
			return f
		}
	}
}

// parseEntry takes a line apart, if it is written as entryLine writes it.
func parseEntry(line []byte) (leaf, seal []byte, ok bool) {
	var parts struct {
		Entry json.RawMessage `json:"entry"`
		Seal  string          `json:"seal"`
	}
	if err := json.Unmarshal(line, &parts); err != nil {
		return nil, nil, false
	}
	leaf, seal = parts.Entry, []byte(parts.Seal)
	return leaf, seal, bytes.Equal(line, entryLine(leaf, seal))
}

// parseCheckpoint takes a line apart, if it is written as checkpointOf writes it.
func parseCheckpoint(line []byte) (checkpoint []byte, ok bool) {
	var parts struct {
		Checkpoint string `json:"checkpoint"`
	}
	if err := json.Unmarshal(line, &parts); err != nil {
		return nil, false
	}
	checkpoint = []byte(parts.Checkpoint)
	return checkpoint, bytes.Equal(line, checkpointOf(checkpoint))
}
