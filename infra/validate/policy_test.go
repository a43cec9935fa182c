package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/davit-dev/davit/infra/validate/policy"
)

// rules are those of infra/policy that are asked for, each compiled once.
var rules = struct {
	sync.Mutex
	compiled map[string]*policy.Query
}{compiled: map[string]*policy.Query{}}

// rule is one of infra/policy.
func rule(t *testing.T, name string) *policy.Query {
	t.Helper()
	rules.Lock()
	defer rules.Unlock()
	q, err := rules.compiled[name], error(nil)
	if q == nil {
		if q, err = policy.Compile(context.Background(), filepath.Join(infra, "policy"), name); err != nil {
			t.Fatal(err)
		}
		rules.compiled[name] = q
	}
	return q
}

// ask has a rule judge a plan and decodes what it answers.
func ask[T any](t *testing.T, name string, plan any) T {
	t.Helper()
	var out T
	if err := rule(t, name).Ask(t.Context(), plan, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// judge returns what is wrong with a plan, in order.
func judge(t *testing.T, plan any) []policy.Violation {
	t.Helper()
	found, err := rule(t, "deny").Judge(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// document returns the plan as policies read it, for the caller to break.
func (p Plan) document(t *testing.T) map[string]any {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(p.Raw, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func TestPoliciesHold(t *testing.T) {
	for _, environment := range []string{"staging", "production"} {
		for _, v := range judge(t, plan(t, environment).document(t)) {
			t.Errorf("%s: %s: %s", environment, v.Rule, v)
		}
	}
}

// A requirement is a setting that all resources of a type must have.
type requirement struct {
	Type string
	Path []any
	Want []any
	Says string
}

// Every requirement meets a resource of production's plan, and finds it wrong
// when the setting is another, or is not there at all.
func TestEveryRequirementCanFail(t *testing.T) {
	p := plan(t, "production")
	for _, q := range ask[[]requirement](t, "required", p.document(t)) {
		t.Run(fmt.Sprint(q.Type, q.Path), func(t *testing.T) {
			t.Parallel()
			for _, broken := range []any{opposite(q.Want[0]), nil} {
				document := p.document(t)
				r := change(t, document, func(r map[string]any) bool { return r["type"] == q.Type })
				set(t, r["change"].(map[string]any)["after"], q.Path, broken)
				expect(t, judge(t, document), r["address"].(string), q.Says)
			}
		})
	}
}

// opposite is a value that a requirement does not want.
func opposite(want any) any {
	if b, ok := want.(bool); ok {
		return !b
	}
	return "something else"
}

// change returns the first change of a resource that is the wanted one.
func change(t *testing.T, document map[string]any, is func(map[string]any) bool) map[string]any {
	t.Helper()
	for _, c := range document["resource_changes"].([]any) {
		if c := c.(map[string]any); is(c) {
			return c
		}
	}
	t.Fatal("the plan has no such resource: the rule can never fail")
	return nil
}

// set puts a value at a path of objects and lists.
func set(t *testing.T, in any, path []any, value any) {
	t.Helper()
	for i, step := range path {
		last := i == len(path)-1
		switch at := in.(type) {
		case map[string]any:
			if last {
				at[step.(string)] = value
				return
			}
			in = at[step.(string)]
		case []any:
			n, ok := step.(float64)
			if !ok || int(n) >= len(at) {
				t.Fatalf("no %v in a list of %d at %v", step, len(at), path)
			}
			in = at[int(n)]
		default:
			t.Fatalf("nothing at %v of %v", path[:i], path)
		}
	}
}

// expect wants a violation at an address that says something.
func expect(t *testing.T, found []policy.Violation, address, says string) {
	t.Helper()
	for _, v := range found {
		if v.Address == address && strings.Contains(v.Says, says) {
			return
		}
	}
	t.Errorf("no policy said %q of %s; they said %v", says, address, found)
}
