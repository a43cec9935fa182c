package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/davit-dev/davit"
)

// Copy is what a follower keeps up to date.
type Copy interface {
	// Take takes an edition that was the newest at a time, unless the copy has a
	// newer one. An error leaves the copy as it was.
	Take(e davit.FlagEdition, at time.Time) error
	// Number returns the number of the edition that the copy has; 0 when none.
	Number(application, environment string) int64
	// Confirm notes that the copy's edition was the newest at a time.
	Confirm(application, environment string, at time.Time)
}

// Follower keeps a copy up to date with what is published.
type Follower struct {
	Redis *Redis
	Copy  Copy
	// Only says which environments are wanted.
	Only func(application, environment string) bool
	// Every is how often the follower looks for what it was not told of.
	Every time.Duration
	Now   func() time.Time
	// Failed is told when following begins to fail, Recovered when it goes on.
	Failed    func(error)
	Recovered func()
	// Looked is closed after the first look, whatever came of it.
	Looked chan<- struct{}

	told map[place]message // those of the highest numbers
}

// message is what was said of an edition. A publisher that cannot publish says it
// again and again; what it said once is believed for toldFor.
type message struct {
	number int64
	at     time.Time
}

const toldFor = 20 * retryAfter

// Run follows until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	f.told = map[place]message{}
	messages := f.Redis.client.Subscribe(ctx, f.Redis.channel())
	defer messages.Close() //nolint:errcheck // nothing is lost
	news := messages.ChannelWithSubscriptions(redis.WithChannelHealthCheckInterval(f.Every))
	failing := false
	for first := true; ; first = false {
		err := f.look(ctx)
		if first && f.Looked != nil {
			close(f.Looked)
		}
		if ctx.Err() != nil {
			return nil
		}
		switch {
		case err != nil && !failing:
			f.Failed(err)
		case err == nil && failing:
			f.Recovered()
		}
		failing = err != nil
		if !f.wait(ctx, news) {
			return nil
		}
	}
}

// wait waits for a reason to look: a message, a new connection, whose messages
// before it are lost, or the time. It reports whether to go on.
func (f *Follower) wait(ctx context.Context, news <-chan any) bool {
	timer := time.NewTimer(jitter(f.Every))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case what, open := <-news:
			if !open {
				return false
			}
			if m, is := what.(*redis.Message); is && !f.hear(m.Payload) {
				continue // it is about nothing that is wanted
			}
			return true
		}
	}
}

// hear notes what a message says, and reports whether that is worth a look.
func (f *Follower) hear(text string) bool {
	at, number, ok := parseMessage(text)
	if !ok || !f.Only(at.application, at.environment) || number <= f.Copy.Number(at.application, at.environment) {
		return false
	}
	f.told[at] = message{max(f.newest(at), number), f.Now()}
	return true
}

// newest returns the highest number that messages named of late; 0 when none did.
func (f *Follower) newest(at place) int64 {
	if m := f.told[at]; f.Now().Sub(m.at) < toldFor {
		return m.number
	}
	return 0
}

// look takes what is newer than what the copy has, and confirms the rest.
func (f *Follower) look(ctx context.Context) error {
	now := f.Now()
	limited, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	numbers, err := f.Redis.client.HGetAll(limited, f.Redis.numbers()).Result()
	if err != nil {
		return unavailable(err)
	}
	var errs []error
	for name, text := range numbers {
		at, ok := parsePlace(name)
		if !ok || !f.Only(at.application, at.environment) {
			continue
		}
		number, ok := parseNumber(text)
		if !ok {
			errs = append(errs, fmt.Errorf("what Redis has as number of %s is none", at))
			continue
		}
		if err := f.update(ctx, at, number, now); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// update takes the edition of a place when the copy's is older than a number that
// was the newest at a time.
func (f *Follower) update(ctx context.Context, at place, number int64, now time.Time) error {
	if f.Copy.Number(at.application, at.environment) < number {
		if err := f.fetch(ctx, at, now); err != nil {
			return err
		}
	}
	has := f.Copy.Number(at.application, at.environment)
	if newest := max(number, f.newest(at)); has < newest {
		return fmt.Errorf("there is an edition %d of %s, and Redis has %d", newest, at, has)
	}
	if has == number {
		f.Copy.Confirm(at.application, at.environment, now)
	}
	return nil
}

// fetch takes the document of a place.
func (f *Follower) fetch(ctx context.Context, at place, now time.Time) error {
	e, err := fetch(ctx, f.Redis, at)
	if err != nil {
		return err
	}
	return f.Copy.Take(e, now)
}

// fetch returns the edition of a place.
func fetch(ctx context.Context, r *Redis, at place) (e davit.FlagEdition, err error) {
	limited, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	text, err := r.client.Get(limited, r.document(at)).Bytes()
	if err != nil {
		return e, unavailable(err)
	}
	if e, err = davit.DecodeFlagEdition(text); err != nil {
		return e, fmt.Errorf("what Redis has of %s: %w", at, err)
	}
	if e.Snapshot.Application != at.application || e.Snapshot.Environment != at.environment {
		return e, fmt.Errorf("what Redis has of %s is of %s in %s", at, e.Snapshot.Application, e.Snapshot.Environment)
	}
	return e, nil
}

// jitter returns a time around another, so that many do not come at once.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d+1) //nolint:gosec // no secret
}

// announcement returns what is said of a number that was published.
func announcement(at place, number int64) string {
	return at.String() + " " + strconv.FormatInt(number, 10)
}

func parseMessage(text string) (place, int64, bool) {
	name, number, _ := strings.Cut(text, " ")
	at, ok := parsePlace(name)
	n, isNumber := parseNumber(number)
	return at, n, ok && isNumber
}

func parsePlace(text string) (place, bool) {
	application, environment, ok := strings.Cut(text, "/")
	return place{application, environment}, ok && application != "" && environment != "" && !strings.Contains(environment, "/")
}
