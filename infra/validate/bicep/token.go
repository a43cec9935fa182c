package bicep

import (
	"fmt"
	"strings"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenNewline
	tokenName
	tokenNumber
	tokenString
	tokenSign
)

// token is a word of a file. A string carries its text in parts, with the
// tokens of what is interpolated between them.
type token struct {
	kind  tokenKind
	text  string
	parts []string
	holes [][]token
	at    Position
}

func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the file"
	case tokenNewline:
		return "the end of the line"
	case tokenString:
		return "a string"
	default:
		return fmt.Sprintf("%q", t.text)
	}
}

// signs are what is neither name, number nor string; longer ones come first.
var signs = []string{"::", "=>", "==", "!=", ">=", "<=", "&&", "||", "??", "(", ")", "[", "]", "{", "}", ",", ":", "?", ".", "=", "!", "+", "-", "*", "/", "%", "<", ">", "|", "@"}

// lexer cuts a file into tokens.
type lexer struct {
	file   string
	source string
	offset int
	line   int
	start  int // offset of the line's first character
}

func lex(file, source string) ([]token, error) {
	l := &lexer{file: file, source: source, line: 1}
	return l.tokens("")
}

func (l *lexer) position() Position { return Position{l.line, l.offset - l.start + 1} }

func (l *lexer) fail(at Position, format string, args ...any) error {
	return &Problem{l.file, at, fmt.Sprintf(format, args...)}
}

func (l *lexer) rest() string { return l.source[l.offset:] }

// tokens reads up to the end of the file or, in a string, up to the brace that
// ends what is interpolated.
func (l *lexer) tokens(until string) ([]token, error) {
	var all []token
	depth := 0
	for {
		l.skip()
		at := l.position()
		switch {
		case l.offset == len(l.source):
			if until != "" {
				return nil, l.fail(at, "the string does not end")
			}
			return append(all, token{kind: tokenEnd, at: at}), nil
		case until != "" && depth == 0 && strings.HasPrefix(l.rest(), until):
			l.offset += len(until)
			return append(all, token{kind: tokenEnd, at: at}), nil
		}
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		switch t.text {
		case "{":
			depth++
		case "}":
			depth--
		}
		all = append(all, t)
	}
}

// skip passes over blanks and comments, which have no meaning.
func (l *lexer) skip() {
	for l.offset < len(l.source) {
		switch c := l.source[l.offset]; {
		case c == ' ' || c == '\t' || c == '\r':
			l.offset++
		case strings.HasPrefix(l.rest(), "//"):
			end := strings.IndexByte(l.rest(), '\n')
			if end < 0 {
				end = len(l.rest())
			}
			l.offset += end
		default:
			return
		}
	}
}

func (l *lexer) next() (token, error) {
	at := l.position()
	c := l.source[l.offset]
	switch {
	case c == '\n':
		l.offset++
		l.line++
		l.start = l.offset
		return token{kind: tokenNewline, at: at}, nil
	case c == '\'':
		return l.string()
	case isLetter(c):
		return token{kind: tokenName, text: l.while(func(c byte) bool { return isLetter(c) || isDigit(c) }), at: at}, nil
	case isDigit(c):
		return token{kind: tokenNumber, text: l.while(isDigit), at: at}, nil
	}
	for _, s := range signs {
		if strings.HasPrefix(l.rest(), s) {
			l.offset += len(s)
			return token{kind: tokenSign, text: s, at: at}, nil
		}
	}
	return token{}, l.fail(at, "%q has no meaning", c)
}

func (l *lexer) while(belongs func(byte) bool) string {
	from := l.offset
	for l.offset < len(l.source) && belongs(l.source[l.offset]) {
		l.offset++
	}
	return l.source[from:l.offset]
}

var escapes = map[byte]string{'\'': "'", '\\': "\\", 'n': "\n", 'r': "\r", 't': "\t", '$': "$"}

func (l *lexer) string() (token, error) {
	t := token{kind: tokenString, at: l.position()}
	if strings.HasPrefix(l.rest(), "'''") {
		return t, l.fail(t.at, "strings over several lines are not used here")
	}
	l.offset++
	var part strings.Builder
	for {
		switch rest := l.rest(); {
		case rest == "" || rest[0] == '\n':
			return t, l.fail(t.at, "the string does not end")
		case rest[0] == '\'':
			l.offset++
			t.parts = append(t.parts, part.String())
			return t, nil
		case strings.HasPrefix(rest, "${"):
			l.offset += 2
			hole, err := l.tokens("}")
			if err != nil {
				return t, err
			}
			t.parts, t.holes = append(t.parts, part.String()), append(t.holes, hole)
			part.Reset()
		case rest[0] == '\\':
			if len(rest) == 1 || escapes[rest[1]] == "" {
				return t, l.fail(l.position(), "the string has an escape that is none")
			}
			part.WriteString(escapes[rest[1]])
			l.offset += 2
		default:
			part.WriteByte(rest[0])
			l.offset++
		}
	}
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
