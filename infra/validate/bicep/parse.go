package bicep

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ParseFile reads a file.
func ParseFile(path string) (*File, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading Bicep: %w", err)
	}
	return Parse(path, string(source))
}

// Parse reads the source of a file.
func Parse(path, source string) (file *File, err error) {
	tokens, err := lex(path, source)
	if err != nil {
		return nil, err
	}
	p := &parser{file: &File{Path: path, TargetScope: "resourceGroup"}, tokens: tokens}
	// The parser leaves by a panic with a Problem, from as deep as it is.
	defer func() {
		if r := recover(); r != nil {
			problem, ok := r.(*Problem)
			if !ok {
				panic(r)
			}
			file, err = nil, problem
		}
	}()
	for p.newlines(); p.peek().kind != tokenEnd; p.newlines() {
		p.declaration()
		if k := p.peek().kind; k != tokenNewline && k != tokenEnd {
			p.fail("a declaration ends with its line, but %s follows", p.peek())
		}
	}
	return p.file, nil
}

type parser struct {
	file   *File
	tokens []token
	next   int
}

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) take() token {
	t := p.peek()
	if t.kind != tokenEnd {
		p.next++
	}
	return t
}

func (p *parser) fail(format string, args ...any) {
	p.failAt(p.peek().at, format, args...)
}

func (p *parser) failAt(at Position, format string, args ...any) {
	panic(&Problem{p.file.Path, at, fmt.Sprintf(format, args...)})
}

// accept takes the next token if it is this name or sign.
func (p *parser) accept(word string) bool {
	if t := p.peek(); t.text == word && (t.kind == tokenSign || t.kind == tokenName) {
		p.next++
		return true
	}
	return false
}

func (p *parser) expect(word string) {
	if !p.accept(word) {
		p.fail("%q is expected, but %s comes", word, p.peek())
	}
}

func (p *parser) newlines() {
	for p.peek().kind == tokenNewline {
		p.next++
	}
}

func (p *parser) name() token {
	if t := p.peek(); t.kind != tokenName {
		p.fail("a name is expected, but %s comes", t)
	}
	return p.take()
}

// plain takes a string without interpolation.
func (p *parser) plain() string {
	t := p.peek()
	if t.kind != tokenString || len(t.holes) > 0 {
		p.fail("a plain string is expected, but %s comes", t)
	}
	p.next++
	return t.parts[0]
}

func (p *parser) declaration() {
	decorators := p.decorators()
	keyword := p.name()
	declared := func() Declared {
		t := p.name()
		return Declared{t.text, t.at, decorators}
	}
	f := p.file
	switch keyword.text {
	case "targetScope":
		p.expect("=")
		f.TargetScope = p.plain()
	case "using":
		f.Using = p.plain()
	case "import":
		p.imports()
	case "param":
		d := declared()
		if f.Using != "" {
			p.expect("=")
			f.Assignments = append(f.Assignments, &Assignment{d, p.expression()})
			return
		}
		param := &Param{Declared: d, Type: p.typ()}
		if p.accept("=") {
			param.Default = p.expression()
		}
		f.Params = append(f.Params, param)
	case "var":
		d := declared()
		p.expect("=")
		f.Vars = append(f.Vars, &Var{d, p.value()})
	case "type":
		d := declared()
		p.expect("=")
		f.Types = append(f.Types, &TypeDeclaration{d, p.typ()})
	case "output":
		d := declared()
		typ := p.typ()
		p.expect("=")
		f.Outputs = append(f.Outputs, &Output{d, typ, p.value()})
	case "module":
		d := declared()
		path := p.plain()
		p.expect("=")
		f.Modules = append(f.Modules, &Module{d, path, p.value()})
	case "resource":
		p.resource(declared())
	default:
		p.failAt(keyword.at, "%q declares nothing that is known here", keyword.text)
	}
}

func (p *parser) decorators() []Decorator {
	var all []Decorator
	for p.peek().text == "@" {
		at := p.take().at
		d := Decorator{Name: p.name().text, At: at}
		p.expect("(")
		d.Args = p.arguments()
		all = append(all, d)
		p.newlines()
	}
	return all
}

func (p *parser) imports() {
	p.expect("{")
	var names []Declared
	for {
		t := p.name()
		names = append(names, Declared{Name: t.text, At: t.at})
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	p.expect("from")
	from := p.plain()
	for _, d := range names {
		p.file.Imports = append(p.file.Imports, &Import{d, from})
	}
}

func (p *parser) resource(d Declared) {
	at := p.peek().at
	typ, version, ok := strings.Cut(p.plain(), "@")
	if !ok || !strings.Contains(typ, "/") {
		p.failAt(at, "a resource has a type and a version: Microsoft.Network/virtualNetworks@2024-07-01")
	}
	r := &Resource{Declared: d, Type: typ, Version: version, Existing: p.accept("existing")}
	p.expect("=")
	r.Body = p.value()
	p.file.Resources = append(p.file.Resources, r)
}

// value reads an expression or a loop.
func (p *parser) value() Expression {
	if p.peek().text == "[" && p.tokens[p.next+1].text == "for" {
		return p.loop()
	}
	return p.expression()
}

func (p *parser) loop() Expression {
	l := &loop{at: p.take().at}
	p.expect("for")
	if p.accept("(") {
		l.item = p.name().text
		p.expect(",")
		l.index = p.name().text
		p.expect(")")
	} else {
		l.item = p.name().text
	}
	p.expect("in")
	l.over = p.expression()
	p.expect(":")
	l.body = p.expression()
	p.expect("]")
	return l
}

// typ reads a type.
func (p *parser) typ() Type {
	t := p.peek()
	var typ Type
	switch {
	case t.kind == tokenString || t.kind == tokenNumber:
		typ = p.choice()
	case t.text == "{":
		typ = p.objectType()
	default:
		n := p.name()
		typ = &namedType{n.at, n.text}
	}
	for p.accept("[") {
		p.expect("]")
		typ = &arrayType{typ}
	}
	return typ
}

func (p *parser) choice() Type {
	c := &choiceType{}
	for {
		if t := p.peek(); t.kind == tokenNumber {
			c.values = append(c.values, p.number())
		} else {
			c.values = append(c.values, p.plain())
		}
		if !p.accept("|") {
			return c
		}
	}
}

func (p *parser) number() int64 {
	t := p.take()
	n, err := strconv.ParseInt(t.text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		p.failAt(t.at, "the number %s is too great", t.text)
	}
	return n
}

func (p *parser) objectType() Type {
	o := &objectType{}
	p.separated("{", "}", func() {
		decorators := p.decorators()
		if p.accept("*") {
			p.expect(":")
			o.others = p.typ()
			return
		}
		n := p.name()
		p.expect(":")
		o.fields = append(o.fields, fieldType{Declared{n.text, n.at, decorators}, p.typ()})
	})
	return o
}

// separated reads what is between two signs: items apart by lines or commas,
// and not by both.
func (p *parser) separated(from, to string, item func()) {
	p.expect(from)
	for p.newlines(); !p.accept(to); p.newlines() {
		item()
		for p.accept(",") {
			if p.peek().kind == tokenNewline {
				p.fail("a comma separates what is on one line")
			}
			item()
		}
		if t := p.peek(); t.kind != tokenNewline && t.text != to {
			p.fail("%q, a comma or a new line is expected, but %s comes", to, t)
		}
	}
}
