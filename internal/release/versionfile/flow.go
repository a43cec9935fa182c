package versionfile

import (
	"bytes"
	"strings"
)

// deepest bounds how deep flow collections may be nested.
const deepest = 100

// flow reads a YAML flow mapping, "{title: x, version: 1.0.0}", and notes the
// scalar at a path of keys.
type flow struct {
	src   []byte
	at    int
	depth int
	found []Span
}

// flowScalar returns the scalar at a path of keys in the flow mapping that
// begins at a place; none when it is not closed.
func flowScalar(content []byte, at int, path ...string) []Span {
	f := &flow{src: content, at: at}
	if !f.collection(path) {
		return nil
	}
	return f.found
}

// collection reads a mapping or a sequence, at whose bracket it stands, and
// reports whether it is closed. A nil path is of nothing that is looked for.
func (f *flow) collection(path []string) bool {
	if f.depth++; f.depth > deepest {
		return false
	}
	defer func() { f.depth-- }()
	mapping := f.src[f.at] == '{'
	f.at++
	key, valued := "", false // whether the next node is the value of the key
	for {
		f.blanks()
		if f.at >= len(f.src) {
			return false
		}
		var inner []string
		wanted := mapping && valued && len(path) > 0 && key == path[0]
		if wanted {
			inner = path[1:]
		}
		switch f.src[f.at] {
		case '}', ']':
			f.at++
			return true
		case ',':
			f.at++
			valued = false
		case ':':
			f.at++
			valued = true
		case '{', '[':
			if !f.collection(inner) {
				return false
			}
		default:
			s := f.scalar()
			switch {
			case wanted && len(path) == 1:
				f.found = append(f.found, s)
			case !valued:
				key = s.Version
			}
		}
	}
}

// blanks goes past white space and comments.
func (f *flow) blanks() {
	for f.at < len(f.src) {
		switch c := f.src[f.at]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			f.at++
		case c == '#':
			end := bytes.IndexByte(f.src[f.at:], '\n')
			if end < 0 {
				end = len(f.src) - f.at
			}
			f.at += end
		default:
			return
		}
	}
}

// scalar reads a quoted or plain scalar. Where it stands is one byte at least.
func (f *flow) scalar() Span {
	start := f.at
	quote := f.src[start]
	if quote != '"' && quote != '\'' {
		f.at++
		for f.at < len(f.src) && !f.ends() {
			f.at++
		}
		text := bytes.TrimRight(f.src[start:f.at], " \t")
		return Span{Start: start, End: start + len(text), Version: string(text)}
	}
	for f.at++; f.at < len(f.src) && f.src[f.at] != quote; f.at++ {
		if quote == '"' && f.src[f.at] == '\\' {
			f.at++
		}
	}
	end := min(f.at, len(f.src))
	f.at = min(end+1, len(f.src))
	return Span{Start: start + 1, End: end, Version: string(f.src[start+1 : end])}
}

// ends reports whether a plain scalar ends at the place.
func (f *flow) ends() bool {
	next := byte(' ')
	if f.at+1 < len(f.src) {
		next = f.src[f.at+1]
	}
	switch f.src[f.at] {
	case ',', '{', '}', '[', ']', '\n', '\r':
		return true
	case ':':
		return strings.IndexByte(" \t\r\n,{}[]", next) >= 0
	case ' ', '\t':
		return next == '#'
	}
	return false
}
