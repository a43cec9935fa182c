package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// logFile is an instance's output: out.log, which its processes append to, and
// out.log.1, out.log.2 and so on, which were cut off its beginning, the newest
// first. Read together they are one stream of bytes; an offset counts in that
// stream and stays good over rotations.
type logFile struct {
	dir   string
	limit int64 // size that is rotated
	keep  int   // rotated files
	// collapse takes bytes out of the beginning of a file, or returns
	// errors.ErrUnsupported.
	collapse func(f *os.File, size int64) error

	mu      sync.RWMutex
	oldest  int64   // offset of the first byte that is kept
	rotated []int64 // sizes of the rotated files, the oldest first
}

func openLog(dir string, limit int64, keep int) *logFile {
	l := &logFile{dir: dir, limit: limit, keep: keep, collapse: collapse}
	for n := 1; ; n++ {
		info, err := os.Stat(l.name(n))
		if err != nil {
			return l
		}
		l.rotated = append([]int64{info.Size()}, l.rotated...)
	}
}

// name returns the path of the n-th rotated file; of the log itself for -1. The
// one numbered 0 is on its way to become 1.
func (l *logFile) name(n int) string {
	path := filepath.Join(l.dir, "out.log")
	if n < 0 {
		return path
	}
	return path + "." + strconv.Itoa(n)
}

// open opens the log for a process to append to.
func (l *logFile) open() (*os.File, error) {
	f, err := os.OpenFile(l.name(-1), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", diskError(err))
	}
	return f, nil
}

// readAt reads from an offset on. It returns where it read: later than asked for
// when those bytes are not kept any more. At the end it returns io.EOF.
func (l *logFile) readAt(p []byte, offset int64) (n int, at int64, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	offset = max(offset, l.oldest)
	name, start := l.name(-1), l.oldest
	for i, size := range l.rotated {
		if offset < start+size {
			name = l.name(len(l.rotated) - i)
			p = p[:min(int64(len(p)), start+size-offset)]
			break
		}
		start += size
	}
	f, err := os.Open(name) //nolint:gosec // the host's own
	if errors.Is(err, os.ErrNotExist) {
		return 0, offset, io.EOF
	}
	if err != nil {
		return 0, offset, fmt.Errorf("reading a log: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	n, err = f.ReadAt(p, offset-start)
	if n > 0 {
		return n, offset, nil
	}
	return 0, offset, err //nolint:wrapcheck // io.EOF must stay itself
}

// end returns the offset of the end.
func (l *logFile) end() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	end := l.oldest
	for _, size := range l.rotated {
		end += size
	}
	if info, err := os.Stat(l.name(-1)); err == nil {
		end += info.Size()
	}
	return end
}

// readRange returns the bytes between two offsets, from the first that is kept.
func (l *logFile) readRange(from, to int64) (data []byte, at int64) {
	buffer := make([]byte, to-from)
	for at = from; from < to; {
		n, start, err := l.readAt(buffer[:to-from], from)
		if err != nil || start >= to {
			break
		}
		if start > from {
			at, data = start, data[:0]
		}
		data = append(data, buffer[:min(int64(n), to-start)]...)
		from = start + int64(n)
	}
	return data, at
}

// tail returns the offset at which the last n lines begin.
func (l *logFile) tail(n int) int64 {
	const window = 32 << 10
	end := l.end()
	seen := 0
	for to := end; to > 0; {
		from := max(0, to-window)
		data, at := l.readRange(from, to)
		for k := len(data) - 1; k >= 0; k-- {
			if offset := at + int64(k); data[k] == '\n' && offset != end-1 {
				if seen++; seen == n {
					return offset + 1
				}
			}
		}
		if at > from { // what is before is not kept any more
			return at
		}
		to = from
	}
	return 0
}

// lastLine returns the last line that is not blank; "" if there is none, or it
// is so long that only a part of it is at hand.
func (l *logFile) lastLine() string {
	const window = 8 << 10
	end := l.end()
	text, at := l.readRange(max(0, end-window), end)
	text = bytes.TrimRight(text, " \t\r\n")
	cut := bytes.LastIndexByte(text, '\n')
	if cut < 0 && at > 0 {
		return ""
	}
	return string(text[cut+1:])
}

// printable makes foreign text fit for a sentence: bounded, and without what
// controls a terminal.
func printable[T string | []byte](text T) string {
	const limit = 200
	clean := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(text)))
	if len(clean) > limit {
		return string(clean[:limit]) + "…"
	}
	return string(clean)
}
