// Package validation proves that an application which has just been deployed is
// what it should be: a suite of checks, each with evidence, against a URL alone
// or against an environment with its instances.
//
// A check lives in a file with its family, and stands in the list of Checks.
// It looks at the world through an exam, which keeps the evidence. A check that
// has nothing to look at is skipped and says why; it never passes.
package validation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// Category groups checks.
type Category string

// The categories, in the order of reports.
const (
	Health        Category = "health"
	Identity      Category = "identity"
	Functional    Category = "functional"
	Security      Category = "security"
	Dependencies  Category = "dependencies"
	Performance   Category = "performance"
	Runtime       Category = "runtime"
	Observability Category = "observability"
)

// What a check has where it does not say so itself.
const (
	defaultTimeout = 5 * time.Second
	defaultRetries = 1
)

// Check proves one thing about an application. Its ID never changes.
type Check struct {
	ID       string
	Category Category
	Severity davit.Severity // unless it is changed in davit.yaml
	Proves   string         // what is true when it passes
	Hint     string         // what to do when it fails
	Timeout  time.Duration  // of one try; 0 is 5 s
	Retries  int            // after the first try; 0 is one, negative none
	// Alone marks a check that measures or disturbs: it runs after all others,
	// and no other beside it.
	Alone bool
	// Params holds the check's own parameters with their defaults: a struct
	// that JSON can write, nil when it has none.
	Params any

	// bind reads parameters over the defaults.
	bind func(with json.RawMessage) (examine, error)
}

// examine looks at the target. It returns nil when it has looked at everything,
// and what it found is in the exam's evidence; else why it could not.
type examine func(ctx context.Context, x *exam) error

// none are the parameters of a check that has none.
type none struct{}

// define returns the check with its parameters and what it does. Parameters
// with a method check are asked whether they make sense.
func define[P any](c Check, defaults P, do func(context.Context, *exam, P) error) Check {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Retries == 0 {
		c.Retries = defaultRetries
	}
	c.Retries = max(c.Retries, 0)
	if _, ok := any(defaults).(none); !ok {
		c.Params = defaults
	}
	c.bind = func(with json.RawMessage) (examine, error) {
		p, err := over(defaults, with)
		if err != nil {
			return nil, fmt.Errorf("the parameters of %s: %w", c.ID, err)
		}
		return func(ctx context.Context, x *exam) error { return do(ctx, x, p) }, nil
	}
	return c
}

// over returns the defaults with what was given in their place. A name that the
// parameters do not have is an error.
func over[P any](defaults P, with json.RawMessage) (P, error) {
	p := defaults
	if len(with) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(with))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&p); err != nil {
			return p, err
		}
	}
	if v, ok := any(&p).(interface{ check() error }); ok {
		if err := v.check(); err != nil {
			return p, err
		}
	}
	return p, nil
}
