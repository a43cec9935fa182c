package conventional

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// header is the first line of a message as it is being read. Every failing
// method returns the problem at its place.
type header struct {
	line string
	at   int // bytes read
}

// parseHeader reads "type(scope)!: description".
func parseHeader(line string) (Commit, *Problem) {
	h := &header{line: line}
	var c Commit
	var problem *Problem
	if c.Type, problem = h.typ(); problem != nil {
		return Commit{}, problem
	}
	if c.Scope, problem = h.scope(); problem != nil {
		return Commit{}, problem
	}
	c.Bang = h.accept("!")
	if problem = h.colon(c); problem != nil {
		return Commit{}, problem
	}
	rest := h.line[h.at:]
	c.Description = strings.TrimSpace(rest)
	if c.Description == "" {
		return Commit{}, h.problem(5, "the description is missing", "say after the colon and a space what changes")
	}
	if blanks := len(rest) - len(strings.TrimLeftFunc(rest, unicode.IsSpace)); blanks > 0 {
		c.Warnings = append(c.Warnings, *h.problem(5, "more than one blank after the colon", "write one space"))
	}
	return c, nil
}

// typ reads the type: a noun of letters, digits, "-", "_" and "."; it begins
// with a letter.
func (h *header) typ() (string, *Problem) {
	end := strings.IndexFunc(h.line, func(r rune) bool { return !isTypeRune(r) })
	if end < 0 {
		end = len(h.line)
	}
	name := h.line[:end]
	if strings.TrimSpace(h.line) == "" {
		return "", h.problem(1, "the message is empty", "begin with a type: feat: …, fix: …")
	}
	if first, _ := utf8.DecodeRuneInString(name); name == "" || !unicode.IsLetter(first) {
		return "", h.problem(1, "the message does not begin with a type", "begin with a type, a colon and a space: feat: …, fix: …")
	}
	h.at = end
	return strings.ToLower(name), nil
}

func isTypeRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r))
}

// scope reads "(scope)", if it is there.
func (h *header) scope() (string, *Problem) {
	if !h.accept("(") {
		return "", nil
	}
	end := strings.IndexAny(h.line[h.at:], "()")
	if end < 0 || h.line[h.at+end] == '(' {
		h.at += max(end, 0)
		return "", h.problem(4, "the scope's parenthesis is not closed", "write type(scope): description")
	}
	scope := strings.TrimSpace(h.line[h.at : h.at+end])
	if scope == "" {
		return "", h.problem(4, "the scope is empty", "name a part of the code base, or leave the parentheses out")
	}
	h.at += end + 1
	return scope, nil
}

// colon reads ": ".
func (h *header) colon(c Commit) *Problem {
	if h.accept(": ") {
		return nil
	}
	rest := h.line[h.at:]
	switch {
	case rest == ":":
		h.at++
		return h.problem(5, "the description is missing", "say after the colon and a space what changes")
	case strings.HasPrefix(rest, ":"):
		h.at++
		return h.problem(1, "a space has to follow the colon", "write "+c.Type+": "+strings.TrimSpace(rest[1:]))
	case c.Bang && strings.HasPrefix(rest, "("):
		return h.problem(13, "the ! has to stand immediately before the colon", "write "+c.Type+"(scope)!: description")
	case strings.HasPrefix(strings.TrimLeft(rest, " \t"), ":") || strings.HasPrefix(strings.TrimLeft(rest, " \t"), "("):
		return h.problem(1, "no blank may stand before the colon or the scope", "write type(scope): description")
	case strings.HasPrefix(rest, "："):
		return h.problem(1, "this is a full-width colon", "write an ASCII colon and a space")
	}
	return h.problem(1, "a colon and a space have to end the type", "begin with a type, a colon and a space: feat: …, fix: …")
}

func (h *header) accept(text string) bool {
	ok := strings.HasPrefix(h.line[h.at:], text)
	if ok {
		h.at += len(text)
	}
	return ok
}

func (h *header) problem(rule int, message, hint string) *Problem {
	return &Problem{Rule: rule, Line: 1, Column: utf8.RuneCountInString(h.line[:h.at]) + 1, Message: message, Hint: hint}
}
