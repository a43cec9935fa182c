package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// The bounds of observing.
const (
	askers     = 4                       // requests at once
	askEvery   = 2500 * time.Microsecond // between requests, while it is young
	askSeldom  = 20 * time.Millisecond   // between requests, later
	young      = 2 * time.Second         // a Gateway acts within that, mostly, and has shown it that long after
	observeFor = 15 * time.Second        // at most
	strangers  = 5                       // failed requests in a row after which there is no front door
	// settle is how long a Gateway is given to act on what it has taken when that
	// cannot be seen.
	settle = 3 * time.Second
)

// observer sees through the front door which releases answer.
type observer struct {
	door    *door
	targets []target
	known   map[string]davit.ReleaseID // by what answers are marked with
	absent  string                     // why there is no door, if that is known
	marks   markings                   // what the Gateway tells; an application may tell its release itself
	routing string                     // how answers are marked that the routing deals, where they are
	sticky  bool                       // users are to stay at their release
}

// target is where the front door is asked, and by whom: cookie is that of a user who
// comes back.
type target struct{ host, path, kind, cookie string }

// observe returns when answers show a split, saying how that is known. before is
// the split that was in effect.
func (o *observer) observe(ctx context.Context, before, wanted davit.Split) (effect string, err error) {
	if len(wanted) == 0 {
		return "nothing is routed", nil
	}
	began := time.Now()
	if o.door == nil || len(o.targets) == 0 {
		return o.settle(ctx, began, cmp.Or(o.absent, "no front door is known that could be asked"))
	}
	for _, t := range o.targets {
		from := before
		if o.dealt(t) {
			from = wanted // the mark tells the routing from the one before
		}
		test := newSplitTest(wanted, from)
		err := o.look(ctx, t, test)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case errors.Is(err, errStrange):
			return o.settle(ctx, began, err.Error())
		case err != nil:
			return "", err
		}
		effect = fmt.Sprintf("seen at %s: %s", o.door.address(t), test)
		if o.sticky && t.kind == httpRoute {
			effect += o.unheeded(ctx, t, test)
		}
	}
	return effect, nil
}

// dealt reports whether a target's answers tell by which routing they were dealt.
func (o *observer) dealt(t target) bool { return o.routing != "" && o.marks[t.kind] != noMarks }

// errStrange is why answers say nothing about releases.
var errStrange = errors.New("the front door cannot be observed")

// look asks until the test is decided.
func (o *observer) look(ctx context.Context, t target, test *splitTest) error {
	ctx, stop := context.WithTimeout(ctx, observeFor)
	defer stop()
	began, failed := time.Now(), 0
	marked, dealt := o.marks[t.kind] != noMarks, o.dealt(t)
	var last error
	answers, hasten := o.answers(ctx, t)
	for a := range answers {
		if a.err != nil {
			last = a.err
			if failed++; failed >= strangers && test.known+test.unknown == 0 {
				return fmt.Errorf("%w: %w", errStrange, last)
			}
			continue
		}
		failed = 0
		if dealt && a.routing != o.routing {
			test.restart()
			continue
		}
		if dealt {
			hasten() // it begins to show
		}
		test.add(o.known[a.release])
		if a.cookie != "" {
			test.cookies[o.known[a.release]] = a.cookie
		}
		if test.shown() || dealt && test.known == 0 && test.row >= manyEnough {
			return nil
		}
		if test.known+test.unknown >= maxAnswers || test.known == 0 && !marked && time.Since(began) >= settle {
			break
		}
	}
	switch {
	case test.likely() && (!dealt || test.row > 0):
		return nil
	case test.known == 0 && !marked:
		return fmt.Errorf("%w: none of %d answers tells its release", errStrange, test.unknown)
	}
	return &davit.Error{
		Code: davit.CodeUnavailable, Err: last,
		Message: fmt.Sprintf("the Gateway has taken the split, and answers at %s do not show it: %s of %d asked for", o.door.address(t), test, test.known+test.unknown),
		Hint:    "does something else route these requests, or keep clients at a release?",
	}
}

// seeOff returns when answers show that nobody is led to a release any more, by so many
// in a row that a share of stray would have shown, or when a Gateway whose answers tell
// nothing has had time to act.
func (o *observer) seeOff(ctx context.Context, id davit.ReleaseID) error {
	began := time.Now()
	if o.door == nil || len(o.targets) == 0 || len(o.marked()) < len(o.targets) {
		_, err := o.settle(ctx, began, "")
		return err
	}
	for _, t := range o.targets {
		err := o.gone(ctx, t, id)
		if errors.Is(err, errStrange) {
			_, err = o.settle(ctx, began, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gone is seeOff for one target.
func (o *observer) gone(ctx context.Context, t target, id davit.ReleaseID) error {
	looking, stop := context.WithTimeout(ctx, observeFor)
	defer stop()
	row, failed := 0, 0
	answers, hasten := o.answers(looking, t)
	for a := range answers {
		switch {
		case a.err != nil && failed >= 0:
			if failed++; failed >= strangers {
				return fmt.Errorf("%w: %w", errStrange, a.err)
			}
		case a.err != nil: // somebody does answer there, mostly
		case o.known[a.release] == id:
			row, failed = 0, -1
		default:
			hasten() // it begins to show
			failed = -1
			if row++; row >= manyEnough {
				return nil
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &davit.Error{
		Code:    davit.CodeUnavailable,
		Message: fmt.Sprintf("no route leads to %s any more, and answers at %s are from it", id, o.door.address(t)),
		Hint:    "does the Gateway still act on changes?",
	}
}

// answers asks again and again, and yields what comes, until it is left or ctx
// ends. hasten has it ask soon again, once.
func (o *observer) answers(ctx context.Context, t target) (all iter.Seq[answer], hasten func()) {
	soon := make(chan struct{})
	return func(yield func(answer) bool) {
		ctx, stop := context.WithCancel(ctx)
		received, ended := make(chan answer), make(chan struct{})
		go func() {
			defer close(ended)
			o.ask(ctx, t, received, soon)
		}()
		defer func() { stop(); <-ended }()
		for {
			select {
			case a := <-received:
				if !yield(a) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}, sync.OnceFunc(func() { close(soon) })
}

// settle gives what was asked for the time that it is given at least, and says that it
// could do no more.
func (o *observer) settle(ctx context.Context, began time.Time, why string) (string, error) {
	timer := time.NewTimer(settle - time.Since(began))
	defer timer.Stop()
	select {
	case <-timer.C:
		return fmt.Sprintf("taken, and given %s to take effect; not observed: %s", settle, why), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
