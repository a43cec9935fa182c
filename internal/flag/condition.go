package flag

import "github.com/davit-dev/davit"

// condition is met by a context or not.
type condition interface {
	holds(ctx *Context) bool
}

type all []condition

func (a all) holds(ctx *Context) bool {
	for _, c := range a {
		if !c.holds(ctx) {
			return false
		}
	}
	return true
}

type anyOf []condition

func (a anyOf) holds(ctx *Context) bool {
	for _, c := range a {
		if c.holds(ctx) {
			return true
		}
	}
	return false
}

type not struct{ condition }

func (n not) holds(ctx *Context) bool { return !n.condition.holds(ctx) }

// segment is a group of users that flags share.
type segment struct {
	key              string
	include, exclude map[string]struct{}
	when             condition // nil: nobody else
	cost             int
}

func (s *segment) holds(ctx *Context) bool {
	key := ctx.TargetingKey()
	if _, out := s.exclude[key]; out {
		return false
	}
	if _, in := s.include[key]; in {
		return true
	}
	return s.when != nil && s.when.holds(ctx)
}

// comparison compares an attribute with values.
type comparison struct {
	by     path
	test   test
	op     davit.FlagOperator
	values []any
}

func (c *comparison) holds(ctx *Context) bool { return c.test.meets(c.by.of(ctx)) }
