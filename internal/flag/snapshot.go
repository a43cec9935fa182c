package flag

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/davit-dev/davit"
)

// Snapshot holds the flags of one environment, ready to be evaluated. It never
// changes. The zero value holds none.
type Snapshot struct {
	environment string
	flags       map[string]*compiled
	keys        []string
	clientKeys  []string

	segments   map[string]*segment
	ofSegments []davit.Segment // that segments were made of
}

// compiled is a flag in one environment.
type compiled struct {
	given         davit.Flag // that it was made of
	key           string
	kind          davit.FlagType
	variants      []variant
	metadata      map[string]any
	clientSide    bool
	enabled       bool
	off           *variant // nil: the application's default
	prerequisites []prerequisite
	targets       []target
	rules         []rule
	fallback      serve
	alone         Reason // of a fallback to a variant
}

// variant is an answer, in the forms that it is asked for in.
type variant struct {
	name    string
	raw     json.RawMessage
	decoded any
	boolean bool
}

// prerequisite is another flag that has to serve one of some variants.
type prerequisite struct {
	flag     *compiled
	variants []*variant
}

// target serves variants to users by name.
type target struct {
	by   path
	keys map[string]*variant
}

// rule serves something to whoever meets a condition.
type rule struct {
	id       string
	when     condition // nil: everybody
	serve    serve
	advanced *logic // in place of both
}

// serve is a variant, a split, or neither.
type serve struct {
	variant *variant
	split   *split
}

// Environment returns the name of the environment.
func (s *Snapshot) Environment() string { return s.environment }

// Len returns the number of flags.
func (s *Snapshot) Len() int { return len(s.keys) }

// Keys returns the keys of all flags, or of those that client keys may see, in
// order. They are shared, and not to be changed.
func (s *Snapshot) Keys(clientSide bool) []string {
	if clientSide {
		return s.clientKeys
	}
	return s.keys
}

// Has reports whether there is a flag, and with clientSide, whether client keys
// may see it.
func (s *Snapshot) Has(key string, clientSide bool) bool {
	f := s.flags[key]
	return f != nil && (f.clientSide || !clientSide)
}

// Type returns the type of a flag; empty when there is none.
func (s *Snapshot) Type(key string) davit.FlagType {
	if f := s.flags[key]; f != nil {
		return f.kind
	}
	return ""
}

// Evaluate evaluates a flag.
func (s *Snapshot) Evaluate(key string, ctx *Context) Result {
	f := s.flags[key]
	if f == nil {
		return notFound(s.environment, key)
	}
	return f.result(f.evaluate(ctx, nil))
}

// Boolean evaluates a boolean flag. It returns the fallback when there is no such
// flag, its type is another one, the evaluation fails, or it leaves the answer to
// the application.
func (s *Snapshot) Boolean(key string, ctx *Context, fallback bool) bool {
	f := s.flags[key]
	if f == nil || f.kind != davit.FlagBoolean {
		return fallback
	}
	if o := f.evaluate(ctx, nil); o.variant != nil {
		return o.variant.boolean
	}
	return fallback
}

// Explain evaluates a flag and tells every step.
func (s *Snapshot) Explain(key string, ctx *Context) Explanation {
	f := s.flags[key]
	if f == nil {
		return Explanation{Result: notFound(s.environment, key)}
	}
	t := &trace{steps: &[]Step{}}
	o := f.evaluate(ctx, t)
	return Explanation{Result: f.result(o), Steps: *t.steps}
}

func notFound(environment, key string) Result {
	return Result{
		Key: key, Reason: Failed, Error: FlagNotFound,
		Message: fmt.Sprintf("there is no flag %q in environment %q", key, environment),
	}
}

// result returns the public form of an outcome.
func (f *compiled) result(o outcome) Result {
	r := Result{Key: f.key, Reason: o.reason, Metadata: f.metadata}
	if o.failure != nil {
		r.Error, r.Message = o.failure.code, o.failure.message
	}
	if o.rule != nil {
		r.Rule = o.rule.id
	}
	if o.variant != nil {
		r.Variant, r.Value, r.decoded = o.variant.name, o.variant.raw, o.variant.decoded
	}
	return r
}

// ruleID returns the name by which a rule is told.
func ruleID(r davit.FlagRule, index int) string {
	if r.ID != "" {
		return r.ID
	}
	return "#" + strconv.Itoa(index)
}
