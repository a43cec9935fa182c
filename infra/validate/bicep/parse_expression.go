package bicep

import "slices"

// binaries are the operators between two values, those that bind least first.
var binaries = [][]string{{"??"}, {"||"}, {"&&"}, {"==", "!="}, {"<", ">", "<=", ">="}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) expression() Expression {
	if l := p.lambda(); l != nil {
		return l
	}
	e := p.binary(0)
	// The marks of a choice may stand on lines of their own.
	if !p.acceptOnLine("?") {
		return e
	}
	t := &ternary{at: e.position(), condition: e}
	t.yes = p.expression()
	if !p.acceptOnLine(":") {
		p.fail("%q is expected, but %s comes", ":", p.peek())
	}
	t.no = p.expression()
	return t
}

func (p *parser) acceptOnLine(sign string) bool {
	here := p.next
	p.newlines()
	if p.accept(sign) {
		return true
	}
	p.next = here
	return false
}

func (p *parser) lambda() Expression {
	t := p.peek()
	if t.kind != tokenName || p.tokens[p.next+1].text != "=>" {
		return nil
	}
	p.next += 2
	return &lambda{t.at, []string{t.text}, p.expression()}
}

func (p *parser) binary(level int) Expression {
	if level == len(binaries) {
		return p.unary()
	}
	left := p.binary(level + 1)
	for p.peek().kind == tokenSign && slices.Contains(binaries[level], p.peek().text) {
		sign := p.take()
		left = &binary{left.position(), sign.text, left, p.binary(level + 1)}
	}
	return left
}

func (p *parser) unary() Expression {
	if t := p.peek(); t.kind == tokenSign && (t.text == "!" || t.text == "-") {
		p.next++
		return &unary{t.at, t.text, p.unary()}
	}
	return p.postfix()
}

func (p *parser) postfix() Expression {
	e := p.primary()
	for {
		switch t := p.peek(); {
		case p.accept("."):
			if of := p.name(); p.accept("(") {
				e = &method{of.at, e, of.text, p.arguments()}
			} else {
				e = &member{t.at, e, of.text}
			}
		case p.accept("["):
			e = &index{t.at, e, p.expression()}
			p.expect("]")
		default:
			return e
		}
	}
}

func (p *parser) primary() Expression {
	t := p.peek()
	switch {
	case t.kind == tokenString:
		p.next++
		return p.text(t)
	case t.kind == tokenNumber:
		return &literal{t.at, p.number()}
	case t.kind == tokenName:
		return p.word()
	case t.text == "[":
		a := &array{at: t.at}
		p.separated("[", "]", func() { a.items = append(a.items, p.expression()) })
		return a
	case t.text == "{":
		return p.object()
	case p.accept("("):
		e := p.expression()
		p.expect(")")
		return e
	}
	p.fail("a value is expected, but %s comes", t)
	return nil
}

func (p *parser) word() Expression {
	t := p.take()
	switch t.text {
	case "true", "false":
		return &literal{t.at, t.text == "true"}
	case "null":
		return &literal{t.at, nil}
	}
	if p.accept("(") {
		return &call{t.at, t.text, p.arguments()}
	}
	return &name{t.at, t.text}
}

// arguments reads up to the closing parenthesis. They are apart by commas, and
// may stand on lines of their own.
func (p *parser) arguments() []Expression {
	var args []Expression
	for p.newlines(); !p.accept(")"); p.newlines() {
		args = append(args, p.expression())
		for p.accept(",") {
			p.newlines()
			args = append(args, p.expression())
		}
		if p.newlines(); p.peek().text != ")" {
			p.fail("%q is expected, but %s comes", ")", p.peek())
		}
	}
	return args
}

func (p *parser) object() Expression {
	o := &object{at: p.peek().at}
	p.separated("{", "}", func() {
		t := p.take()
		var key *text
		switch t.kind {
		case tokenName:
			key = &text{at: t.at, parts: []string{t.text}}
		case tokenString:
			key = p.text(t)
		default:
			p.failAt(t.at, "the name of a property is expected, but %s comes", t)
		}
		p.expect(":")
		o.properties = append(o.properties, property{t.at, key, t.kind == tokenString, p.value()})
	})
	return o
}

// text reads what is interpolated in a string.
func (p *parser) text(t token) *text {
	s := &text{at: t.at, parts: t.parts}
	for _, hole := range t.holes {
		inner := &parser{file: p.file, tokens: hole}
		s.holes = append(s.holes, inner.expression())
		if inner.peek().kind != tokenEnd {
			inner.fail("one value is interpolated, but %s follows", inner.peek())
		}
	}
	return s
}
