package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // what Redis computes; it finds damage, and keeps no secret
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/davit-dev/davit"
)

//go:embed publish.lua
var publishSource string

//go:embed look.lua
var lookSource string

// Flags are what is published.
type Flags interface {
	// Editions returns what is to be published now, without numbers.
	Editions() []davit.FlagEdition
	// Replaced returns a channel that is closed when that may have changed.
	Replaced() <-chan struct{}
}

// Publisher publishes flags. All publishers for a prefix are of one store: the first
// says in Redis which one that is, and those of others publish nothing.
type Publisher struct {
	Redis *Redis
	Flags Flags
	// Origin names the store whose flags these are; the same for all servers that
	// share it, and for no other. Host says for people which server this is.
	Origin, Host string
	// Every is how often the publisher looks whether Redis still has what was
	// published.
	Every time.Duration
	Now   func() time.Time
	// Failed is told when publishing begins to fail, Recovered when it goes on.
	Failed    func(error)
	Recovered func()

	publish, look *redis.Script
	done          map[place]davit.FlagEdition // what Redis has, as far as is known
	later         map[place]later
}

// later is an edition that another server of the same store has published, and that
// this one has not read from the store yet.
type later struct {
	number int64
	since  time.Time
}

// Run publishes what changes until ctx ends. While Redis cannot be reached it tries
// again and again, and then publishes what the flags say by then.
func (p *Publisher) Run(ctx context.Context) error {
	p.publish, p.look = redis.NewScript(publishSource), redis.NewScript(lookSource)
	p.done, p.later = map[place]davit.FlagEdition{}, map[place]later{}
	failing, whole := false, true
	for {
		replaced := p.Flags.Replaced()
		err := p.round(ctx, whole)
		if ctx.Err() != nil {
			return nil
		}
		wait := jitter(p.Every)
		if err != nil {
			wait = min(jitter(retryAfter), p.Every)
			if isTaken(err) {
				wait = jitter(p.Every) // whose the prefix is publishes first, in a Redis that lost that
			}
			if !failing {
				p.Failed(err)
			}
		} else if failing {
			p.Recovered()
		}
		failing = err != nil
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-replaced:
			whole = failing
		case <-timer.C:
			whole = true
		}
		timer.Stop()
	}
}

// retryAfter is how long the publisher waits for a Redis that fails.
const retryAfter = 500 * time.Millisecond

// round publishes what Redis has not: what changed since it was published, and when
// the whole is asked for, what was lost or damaged there.
func (p *Publisher) round(ctx context.Context, whole bool) error {
	var failed error
	for _, e := range p.Flags.Editions() {
		at := place{e.Snapshot.Application, e.Snapshot.Environment}
		done, known := p.done[at]
		if known && same(done, e) && !whole {
			continue
		}
		narrow(&e)
		after := done.Number
		if whole {
			after = 0 // it may be lost or damaged
		}
		err := p.one(ctx, at, e, after)
		if isTaken(err) {
			return err // so it is for all
		}
		if err != nil && failed == nil {
			failed = unavailable(err)
		}
	}
	return failed
}

// one publishes an edition after the one of a number that this server has put into
// Redis, if it is still there. Otherwise (0: that is not known), it does unless Redis has
// it, or has a later one of the same store.
func (p *Publisher) one(ctx context.Context, at place, e davit.FlagEdition, after int64) error {
	if after > 0 {
		if published, err := p.put(ctx, at, e, found{text: strconv.FormatInt(after, 10), number: after}); published || err != nil {
			return err
		}
	}
	for range attempts {
		is, err := p.lookAt(ctx, at)
		if err != nil {
			return err
		}
		if e.Number = is.number; is.number > 0 {
			_, digest, err := encode(e)
			if err != nil {
				return err
			}
			if is.sum == digest {
				p.done[at] = e
				delete(p.later, at)
				return nil
			}
		}
		if hold, err := p.behind(ctx, at, e, is); err != nil || hold {
			return err
		}
		if published, err := p.put(ctx, at, e, is); published || err != nil {
			return err
		}
	}
	return fmt.Errorf("others publish flags of %s in %s all the time", at.application, at.environment)
}

// put publishes an edition in place of what was found, and reports whether it did.
func (p *Publisher) put(ctx context.Context, at place, e davit.FlagEdition, is found) (bool, error) {
	// The clock keeps numbers rising over a Redis that lost them together with a
	// server that does not remember them.
	e.Number = max(p.done[at].Number+1, p.Now().UnixMicro())
	if next := is.number + 1; next < numbersEnd { // else it is no number that was given
		e.Number = max(e.Number, next)
	}
	published, err := p.send(ctx, at, e, is.text)
	if published {
		p.done[at] = e
		delete(p.later, at)
	}
	return published, err
}

// attempts bounds how often another server of the same store may come in between.
const attempts = 5

// behind reports whether Redis has an edition of the same store that is later, or as
// late and of other access keys, so that this server has to read its store again
// before it says anything. When it has done so for a while and says the same, that is
// what the store says.
func (p *Publisher) behind(ctx context.Context, at place, e davit.FlagEdition, is found) (bool, error) {
	mine := p.done[at]
	if is.number == 0 || is.number == mine.Number {
		return false, nil // nothing is there, or what this server put there
	}
	theirs, err := fetch(ctx, p.Redis, at)
	if err != nil || theirs.Number != is.number {
		return false, ctx.Err() // damaged; a Redis that is away fails the next step
	}
	s := &theirs.Snapshot
	if s.Origin != e.Snapshot.Origin || s.Before(&e.Snapshot) || s.RestoredAt.Before(e.Snapshot.RestoredAt) {
		return false, nil
	}
	if s.Revision == e.Snapshot.Revision && mine.Number == 0 {
		return false, nil // of a server that was here before
	}
	if s.Revision == e.Snapshot.Revision && !same(mine, e) {
		return false, nil // access keys changed here just now
	}
	has := p.later[at]
	if has.number != is.number {
		has = later{is.number, p.Now()}
		p.later[at] = has
	}
	return p.Now().Sub(has.since) < laterLooks*p.Every, nil
}

// laterLooks is for how many looks a server waits to read what another has published.
const laterLooks = 10

// send puts a document in place of the one of a number. It reports whether it did:
// not when another came in between.
func (p *Publisher) send(ctx context.Context, at place, e davit.FlagEdition, before string) (bool, error) {
	doc, _, err := encode(e)
	if err != nil {
		return false, err
	}
	limited, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	r := p.Redis
	answer, err := p.publish.Run(limited, r.client, []string{r.numbers(), r.document(at), r.publisher()},
		at.String(), e.Number, doc, r.channel(), before, p.Origin, p.Host, p.Now().UTC().Format(time.RFC3339)).StringSlice()
	if err != nil {
		// A Redis that is full still passes messages on: who follows is to know
		// that there is something newer.
		soon, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		_ = r.client.Publish(soon, r.channel(), announcement(at, e.Number)).Err() // the error above is told
		return false, err
	}
	switch {
	case len(answer) == 4 && answer[0] == "taken":
		return false, p.taken(answer[1:])
	case len(answer) == 1 && (answer[0] == "published" || answer[0] == "changed"):
		return answer[0] == "published", nil
	}
	return false, fmt.Errorf("a script answered with %q", answer)
}

// taken says whose the prefix is: origin, host and time.
func (p *Publisher) taken(by []string) error {
	return &davit.Error{
		Code:    davit.CodeConflict,
		Message: fmt.Sprintf("the flags at %s in Redis are those of another store, %s (of the server on %s, since %s); this server, whose store is %s, hands none over", p.Redis.prefix, by[0], by[1], by[2], p.Origin),
		Hint:    "give each store a --redis-prefix of its own; if the other store is gone for good, delete " + p.Redis.publisher() + " in Redis",
	}
}

// found is what Redis has of a place.
type found struct {
	text   string // the number, as it is there
	number int64  // 0 when it makes no sense
	sum    string
}

// lookAt returns what Redis has; an error when the prefix is another's.
func (p *Publisher) lookAt(ctx context.Context, at place) (is found, err error) {
	limited, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r := p.Redis
	answer, err := p.look.Run(limited, r.client, []string{r.numbers(), r.document(at), r.publisher()}, at.String()).StringSlice()
	if err != nil {
		return is, err
	}
	if len(answer) != 5 {
		return is, fmt.Errorf("a script answered with %d values", len(answer))
	}
	if owner := answer[2]; owner != "" && owner != p.Origin {
		return is, p.taken(answer[2:])
	}
	is.text, is.sum = answer[0], answer[1]
	is.number, _ = parseNumber(is.text)
	return is, nil
}

// encode returns an edition as Redis keeps it, and the digest that Redis computes.
func encode(e davit.FlagEdition) (doc []byte, sum string, err error) {
	doc, err = e.Encode()
	digest := sha1.Sum(doc) //nolint:gosec // as above
	return doc, hex.EncodeToString(digest[:]), err
}

// isTaken reports whether an error says that the prefix is another store's.
func isTaken(err error) bool {
	told, ok := errors.AsType[*davit.Error](err)
	return ok && told.Code == davit.CodeConflict
}

// same reports whether two editions of an environment say the same, but for their
// numbers.
func same(a, b davit.FlagEdition) bool {
	return a.Snapshot.Revision == b.Snapshot.Revision && a.Snapshot.ChangedAt.Equal(b.Snapshot.ChangedAt) && slices.Equal(a.Keys, b.Keys)
}

// narrow leaves out what flags say in other environments.
func narrow(e *davit.FlagEdition) {
	flags := make([]davit.Flag, 0, len(e.Snapshot.Flags))
	for _, f := range e.Snapshot.Flags {
		flags = append(flags, f.In(e.Snapshot.Environment))
	}
	e.Snapshot.Flags = flags
}

// numbersEnd is above all numbers that a script can compare exactly.
const numbersEnd = 1 << 53

// parseNumber reads the number of an edition, and reports whether it is one.
func parseNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n >= numbersEnd {
		return 0, false
	}
	return n, true
}
