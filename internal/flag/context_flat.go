package flag

// flatObject reads a JSON object whose members are plain texts, booleans, null and
// whole numbers, as nearly all contexts are, in a quarter of the time that
// encoding/json takes. It reports false of whatever else it is given, which may be
// JSON all the same.
func flatObject(src []byte) (map[string]any, bool) {
	s := flatScanner{text: string(src)}
	if !s.next('{') {
		return nil, false
	}
	object := make(map[string]any, 8)
	if s.next('}') {
		return object, s.ended()
	}
	for {
		name, ok := s.plainText()
		if !ok || !s.next(':') {
			return nil, false
		}
		if object[name], ok = s.value(); !ok {
			return nil, false
		}
		if s.next('}') {
			return object, s.ended()
		}
		if !s.next(',') {
			return nil, false
		}
	}
}

// flatScanner goes through a text of JSON.
type flatScanner struct {
	text string
	at   int
}

func (s *flatScanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// next goes over a character, if it comes next.
func (s *flatScanner) next(c byte) bool {
	s.space()
	if s.at == len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *flatScanner) ended() bool {
	s.space()
	return s.at == len(s.text)
}

// plainText reads a text of printable ASCII without a backslash.
func (s *flatScanner) plainText() (string, bool) {
	if !s.next('"') {
		return "", false
	}
	for from := s.at; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[from : s.at-1], true
		case c < ' ' || c == '\\' || c > '~':
			return "", false
		}
	}
	return "", false
}

func (s *flatScanner) value() (any, bool) {
	s.space()
	rest := s.text[s.at:]
	switch {
	case rest == "":
		return nil, false
	case rest[0] == '"':
		return s.plainText()
	case s.word("true"):
		return true, true
	case s.word("false"):
		return false, true
	case s.word("null"):
		return nil, true
	}
	return s.number()
}

func (s *flatScanner) word(word string) bool {
	if end := s.at + len(word); end <= len(s.text) && s.text[s.at:end] == word {
		s.at = end
		return true
	}
	return false
}

// number reads a whole number that a float64 holds exactly.
func (s *flatScanner) number() (any, bool) {
	const digits = 15
	from, sum := s.at, 0
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		if s.at-from == digits {
			return nil, false
		}
		sum = sum*10 + int(s.text[s.at]-'0')
		s.at++
	}
	if s.at == from || s.text[from] == '0' && s.at > from+1 {
		return nil, false
	}
	return float64(sum), true // what may come after it, such as ".5", is refused by what follows
}
