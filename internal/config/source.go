package config

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// position is a place in a source, from 1; columns count characters.
type position struct{ line, column int }

// source is the text of a davit.yaml as problems show it.
type source struct {
	name  string
	lines []string
	// masked holds, for a line, the column from which on it is not shown.
	masked map[int]int
}

func newSource(name string, src []byte) source {
	text := strings.ToValidUTF8(string(src), "\uFFFD")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return source{name: name, lines: strings.Split(text, "\n"), masked: map[int]int{}}
}

// clamp returns the position inside the source that is nearest to at; one
// column behind the end of a line counts as inside.
func (s *source) clamp(at position) position {
	at.line = max(1, min(at.line, len(s.lines)))
	at.column = max(1, min(at.column, utf8.RuneCountInString(s.lines[at.line-1])+1))
	return at
}

// mask hides the source from a position on, and further lines as a whole.
func (s *source) mask(from position, further int) {
	s.hide(from)
	for i := range further {
		s.hide(position{from.line + 1 + i, 1})
	}
}

func (s *source) hide(at position) {
	if earlier, ok := s.masked[at.line]; !ok || at.column < earlier {
		s.masked[at.line] = at.column
	}
}

// line returns a line as it may be shown: without secrets, and without
// characters that a terminal would obey.
func (s *source) line(number int) string {
	line := []rune(s.lines[number-1])
	tail := ""
	if from, ok := s.masked[number]; ok && from <= len(line) {
		line, tail = line[:from-1], "***"
	}
	for i, c := range line {
		if c != '\t' && !unicode.IsPrint(c) {
			line[i] = '?'
		}
	}
	return string(line) + tail
}

var secretsKey = onUse(`(?i)secrets?["']?\s*:`)

// maskUnparsed hides what may be a secret in a source that is no YAML, by its
// indentation alone.
func (s *source) maskUnparsed() {
	inside := -1 // the indentation of the key secrets that the line may be below
	for i, line := range s.lines {
		blanks := len(line) - len(strings.TrimLeft(line, " \t"))
		if inside >= 0 && (blanks > inside || strings.TrimSpace(line) == "") {
			s.hide(position{i + 1, blanks + 1})
			continue
		}
		inside = -1
		if at := secretsKey().FindStringIndex(line); at != nil {
			inside = blanks
			s.hide(position{i + 1, utf8.RuneCountInString(line[:at[1]]) + 1})
		}
	}
}
