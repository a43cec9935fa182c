package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // what Redis computes; it finds damage, and keeps no secret
	_ "embed"
	"encoding/hex"
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

// Publisher publishes flags. There is one for a prefix.
type Publisher struct {
	Redis *Redis
	Flags Flags
	// Every is how often the publisher looks whether Redis still has what was
	// published.
	Every time.Duration
	Now   func() time.Time
	// Failed is told when publishing begins to fail, Recovered when it goes on.
	Failed    func(error)
	Recovered func()

	publish, look *redis.Script
	done          map[place]davit.FlagEdition // what Redis has, as far as is known
}

// Run publishes what changes until ctx ends. While Redis cannot be reached it tries
// again and again, and then publishes what the flags say by then.
func (p *Publisher) Run(ctx context.Context) error {
	p.publish, p.look = redis.NewScript(publishSource), redis.NewScript(lookSource)
	p.done = map[place]davit.FlagEdition{}
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
		if err := p.one(ctx, at, e, done, !known || whole); err != nil && failed == nil {
			failed = unavailable(err)
		}
	}
	return failed
}

// one publishes an edition unless Redis has it.
func (p *Publisher) one(ctx context.Context, at place, e davit.FlagEdition, done davit.FlagEdition, look bool) error {
	e.Number = done.Number
	if look {
		number, sum, err := p.lookAt(ctx, at)
		if err != nil {
			return err
		}
		e.Number = max(e.Number, number)
		_, digest, err := encode(e)
		if err != nil {
			return err
		}
		if sum == digest {
			p.done[at] = e
			return nil
		}
	}
	// The clock keeps numbers rising over a Redis that lost them together with a
	// server that does not remember them.
	for range 3 {
		e.Number = max(e.Number+1, p.Now().UnixMicro())
		doc, _, err := encode(e)
		if err != nil {
			return err
		}
		inTheWay, err := p.send(ctx, at, e.Number, doc)
		if err != nil {
			return err
		}
		if inTheWay == 0 {
			p.done[at] = e
			return nil
		}
		e.Number = inTheWay
	}
	return fmt.Errorf("somebody else publishes flags of %s in %s", at.application, at.environment)
}

// send runs the script that puts a document in place of an older one. It returns
// the number that was in the way, or 0.
func (p *Publisher) send(ctx context.Context, at place, number int64, doc []byte) (int64, error) {
	limited, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	r := p.Redis
	inTheWay, err := p.publish.Run(limited, r.client, []string{r.numbers(), r.document(at), r.channel()}, at.String(), number, doc).Text()
	if err != nil {
		// A Redis that is full still passes messages on: who follows is to know
		// that there is something newer.
		soon, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		_ = r.client.Publish(soon, r.channel(), announcement(at, number)).Err() // the error above is told
		return 0, err
	}
	n, _ := parseNumber(inTheWay)
	return n, nil
}

// lookAt returns the number and the digest of what Redis has; 0 and "" when it has
// nothing that makes sense.
func (p *Publisher) lookAt(ctx context.Context, at place) (int64, string, error) {
	limited, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r := p.Redis
	found, err := p.look.Run(limited, r.client, []string{r.numbers(), r.document(at)}, at.String()).StringSlice()
	if err != nil {
		return 0, "", err
	}
	if len(found) != 2 {
		return 0, "", fmt.Errorf("a script answered with %d values", len(found))
	}
	number, _ := parseNumber(found[0])
	return number, found[1], nil
}

// encode returns an edition as Redis keeps it, and the digest that Redis computes.
func encode(e davit.FlagEdition) (doc []byte, sum string, err error) {
	doc, err = e.Encode()
	digest := sha1.Sum(doc) //nolint:gosec // as above
	return doc, hex.EncodeToString(digest[:]), err
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
