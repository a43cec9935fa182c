package ramp

import "context"

// Watch is engine.Runtime's, and for the figures too: it tells of changes of flags, of
// what is declared, and of outcomes.
func (r *Ramp) Watch(ctx context.Context) <-chan struct{} {
	out := make(chan struct{}, 1)
	flags, declared, outcomes := r.book.Replaced(), r.redeclared(), r.outcomes.next()
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case <-flags:
				flags = r.book.Replaced()
			case <-declared:
				declared = r.redeclared()
			case <-outcomes:
				outcomes = r.outcomes.next()
			}
			select {
			case out <- struct{}{}:
			default: // who has not received the last one yet will look anyway
			}
		}
	}()
	return out
}

// redeclared returns a channel that is closed when what is declared changes.
func (r *Ramp) redeclared() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}
