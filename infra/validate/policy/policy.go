// Package policy has the policies of infra/policy judge a plan of Terraform's, with
// OPA as a library.
package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/rego"
)

// A Violation is what a policy finds wrong with a plan.
type Violation struct {
	Rule    string `json:"rule"`
	Address string `json:"address"`
	Says    string `json:"says"`
}

func (v Violation) String() string { return v.Address + ": " + v.Says }

// A Query is a rule of the policies, compiled: its answer about a plan.
type Query struct {
	name     string
	prepared rego.PreparedEvalQuery
}

// Compile compiles the policies in a folder for one of their rules.
func Compile(ctx context.Context, folder, name string) (*Query, error) {
	prepared, err := rego.New(rego.Query("data.infra."+name), rego.Load([]string{folder}, nil)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("compiling the policies in %s: %w", folder, err)
	}
	return &Query{name, prepared}, nil
}

// Ask decodes into what the rule answers about a plan, as terraform show -json has it.
func (q *Query) Ask(ctx context.Context, plan, into any) error {
	results, err := q.prepared.Eval(ctx, rego.EvalInput(plan))
	if err != nil {
		return fmt.Errorf("evaluating %s: %w", q.name, err)
	}
	if len(results) != 1 {
		return fmt.Errorf("evaluating %s: it has no answer", q.name)
	}
	data, err := json.Marshal(results[0].Expressions[0].Value)
	if err != nil {
		return fmt.Errorf("reading what %s answered: %w", q.name, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading what %s answered: %w", q.name, err)
	}
	return nil
}

// Judge asks the rule deny what is wrong with a plan, in order.
func (q *Query) Judge(ctx context.Context, plan any) ([]Violation, error) {
	found := []Violation{}
	if err := q.Ask(ctx, plan, &found); err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b Violation) int { return cmp.Compare(a.String(), b.String()) })
	return found, nil
}
