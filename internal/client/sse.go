package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxLine bounds a line of a stream.
const maxLine = 16 << 20

// message is one server-sent event.
type message struct {
	name string
	id   string // "" none
	data string
}

// sseReader reads server-sent events. It understands what servers may send by
// the specification, but for lines that end with a lone carriage return.
type sseReader struct{ lines *bufio.Scanner }

func newSSEReader(r io.Reader) *sseReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	return &sseReader{lines: lines}
}

// next returns the next event with data. A stream that ends, even in the middle
// of an event, is io.ErrUnexpectedEOF: how far it went is known by IDs alone.
func (s *sseReader) next() (message, error) {
	var (
		m    message
		data []string
	)
	for s.lines.Scan() {
		line := s.lines.Text()
		if line == "" {
			if data == nil {
				m = message{}
				continue
			}
			m.data = strings.Join(data, "\n")
			return m, nil
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			m.name = value
		case "id":
			m.id = value
		case "data":
			data = append(data, value)
		}
	}
	if err := s.lines.Err(); err != nil {
		return message{}, err
	}
	return message{}, io.ErrUnexpectedEOF
}

// number returns the event's number; 0 when it has none.
func (m message) number() (int64, error) {
	if m.id == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(m.id, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("event ID %.40q: %w", m.id, errors.ErrUnsupported)
	}
	return n, nil
}
