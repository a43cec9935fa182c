package flag

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// logic is flagd's targeting in JsonLogic. Its operations do what flagd's
// evaluators do; where those differ among each other, it does what the reference
// of JsonLogic does. An operation on values that make no sense fails, and with it
// the evaluation.
type logic struct{ root node }

// node is an expression of JsonLogic.
type node interface {
	value(r *run) (any, error)
}

// run is one evaluation of an expression.
type run struct {
	key   string
	ctx   *Context
	scope any // what var looks into
	steps int // that are left
}

// Bounds of expressions. Those in lists within lists can take long on small input.
const (
	logicBytes = 1 << 18
	logicDepth = 64
	logicSteps = 100_000
	textMost   = 1 << 16
)

var errTooLong = errors.New("the expression takes too long")

// spend counts steps, and fails when none are left.
func (r *run) spend(steps int) error {
	if r.steps -= steps; r.steps < 0 {
		return errTooLong
	}
	return nil
}

// compileLogic compiles an expression.
func compileLogic(source json.RawMessage, at place) *logic {
	if len(source) > logicBytes {
		at.wrong("it is longer than %d bytes", logicBytes)
		return nil
	}
	if nested(source) > logicDepth {
		at.wrong("it is more than %d deep", logicDepth)
		return nil
	}
	var decoded any
	if err := json.Unmarshal(source, &decoded); err != nil {
		at.wrong("it is no JSON: %v", err)
		return nil
	}
	root, err := parseLogic(decoded)
	if err != nil {
		at.wrong("%v", err)
		return nil
	}
	return &logic{root: root}
}

// parseLogic compiles a decoded expression.
func parseLogic(source any) (node, error) {
	switch v := source.(type) {
	case []any:
		made, err := parseAll(v)
		if err == nil && !slices.ContainsFunc(made, func(n node) bool { _, fixed := n.(constant); return !fixed }) {
			return constant{source}, nil
		}
		return list(made), err
	case map[string]any:
		if len(v) == 0 {
			return constant{v}, nil
		}
		if len(v) > 1 {
			return nil, errors.New("an operation is an object with one name, and there is one with several")
		}
		for name, given := range v {
			return parseOperation(name, given)
		}
	}
	return constant{source}, nil
}

func parseAll(sources []any) ([]node, error) {
	made := make([]node, 0, len(sources))
	for _, source := range sources {
		n, err := parseLogic(source)
		if err != nil {
			return nil, err
		}
		made = append(made, n)
	}
	return made, nil
}

func parseOperation(name string, given any) (node, error) {
	known, ok := findOperation(name)
	if !ok {
		return nil, fmt.Errorf("there is no operation %q", name)
	}
	if listed, isList := given.([]any); isList {
		args, err := parseAll(listed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if known.lazy == nil && len(args) < known.least {
			return nil, fmt.Errorf("%s takes %d arguments, and has %d", name, known.least, len(args))
		}
		return &operation{name: name, known: known, args: args}, nil
	}
	one, err := parseLogic(given)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &operation{name: name, known: known, args: []node{one}, spread: true}, nil
}

type constant struct{ of any }

func (c constant) value(*run) (any, error) { return c.of, nil }

type list []node

func (l list) value(r *run) (any, error) { return values(l, r) }

func values(nodes []node, r *run) ([]any, error) {
	if err := r.spend(len(nodes)); err != nil {
		return nil, err
	}
	made := make([]any, 0, len(nodes))
	for _, n := range nodes {
		v, err := n.value(r)
		if err != nil {
			return nil, err
		}
		made = append(made, v)
	}
	return made, nil
}

// operation is an operation with its arguments.
type operation struct {
	name   string
	known  known
	args   []node
	spread bool // the argument stands alone; if its value is a list, that is the arguments
}

// known is what an operation does: with the values of its arguments, or with the
// arguments themselves when not all are looked at, or not in the same scope.
type known struct {
	least int
	eager func(r *run, args []any) (any, error)
	lazy  func(r *run, args []node) (any, error)
}

func (o *operation) value(r *run) (any, error) {
	if err := r.spend(1); err != nil {
		return nil, err
	}
	v, err := o.result(r)
	if err != nil && !errors.Is(err, errTooLong) {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return v, err
}

func (o *operation) result(r *run) (any, error) {
	if o.known.lazy != nil {
		if o.spread && o.name != "var" {
			return nil, errors.New("its arguments are no list")
		}
		return o.known.lazy(r, o.args)
	}
	args, err := values(o.args, r)
	if err != nil {
		return nil, err
	}
	if o.spread {
		if spread, isList := args[0].([]any); isList {
			args = spread
		}
	}
	if len(args) < o.known.least {
		return nil, fmt.Errorf("it takes %d arguments, and has %d", o.known.least, len(args))
	}
	return o.known.eager(r, args)
}

// serve evaluates an advanced rule. It says that nothing is decided when the
// expression answers null.
func (l *logic) serve(f *compiled, ctx *Context, t *trace) (o outcome, decided bool) {
	r := &run{key: f.key, ctx: ctx, steps: logicSteps}
	r.scope = scope{r}
	v, err := l.root.value(r)
	switch {
	case err != nil:
		message := fmt.Sprintf("the advanced rule of flag %q fails: %v", f.key, err)
		t.say(false, "advanced rule", message)
		return failed(General, message), true
	case v == nil:
		t.say(false, "advanced rule", "it answers null")
		return outcome{}, false
	}
	name := jsText(v)
	if i := slices.IndexFunc(f.variants, func(v variant) bool { return v.name == name }); i >= 0 {
		if t != nil {
			t.say(true, "advanced rule", "it answers "+served(&f.variants[i]))
		}
		return outcome{variant: &f.variants[i], reason: TargetingMatch}, true
	}
	message := fmt.Sprintf("the advanced rule of flag %q answers %s, which is no variant", f.key, shown(v))
	t.say(false, "advanced rule", message)
	return failed(General, message), true
}

// scope is the context with flagd's properties, at the top of an expression.
type scope struct{ r *run }

// whole returns the scope as an object.
func (s scope) whole() map[string]any {
	made := map[string]any{}
	if s.r.ctx != nil {
		for name, v := range s.r.ctx.attributes {
			made[name] = v
		}
	}
	made["$flagd"] = s.flagd()
	return made
}

func (s scope) flagd() map[string]any {
	made := map[string]any{"flagKey": s.r.key}
	if s.r.ctx != nil {
		made["timestamp"] = float64(s.r.ctx.now.Unix())
	}
	return made
}

// look returns what is at a path in a scope; nil when nothing is.
func look(in any, at path) any {
	if top, isTop := in.(scope); isTop {
		if at[0] == "$flagd" {
			in = top.flagd()
			at = at[1:]
		} else {
			return at.of(top.r.ctx)
		}
	}
	for _, name := range at {
		in = member(in, name)
	}
	return in
}

// lookup reads a path as JsonLogic writes it, where a number is one too.
func lookup(r *run, at any) any {
	name, isText := at.(string)
	if !isText {
		name = jsText(at)
	}
	if at == nil || name == "" {
		if top, isTop := r.scope.(scope); isTop {
			return top.whole()
		}
		return r.scope
	}
	if strings.HasPrefix(name, "../") {
		return nil
	}
	return look(r.scope, splitPath(name))
}
