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
	// Held returns the edition that the copy has, without flags and keys; the zero
	// edition when none.
	Held(application, environment string) davit.FlagEdition
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
	// Looked is closed after the first look, whatever came of it, and after Failed was
	// told so.
	Looked chan<- struct{}

	told    map[place]message // those of the highest numbers
	earlier map[place]message // editions that say less than the copy's
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
	f.told, f.earlier = map[place]message{}, map[place]message{}
	var news <-chan any
	failing := false
	for {
		err := f.look(ctx)
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
		if news == nil { // what was said before there is a subscription, the look after it finds
			if f.Looked != nil {
				close(f.Looked)
			}
			messages := f.Redis.listener.Subscribe(ctx, f.Redis.channel())
			defer messages.Close() //nolint:errcheck // nothing is lost
			news = messages.ChannelWithSubscriptions(redis.WithChannelHealthCheckInterval(f.Every))
		}
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
	if !ok || !f.Only(at.application, at.environment) || number <= f.Copy.Held(at.application, at.environment).Number {
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
	if err := f.Redis.connected(limited); err != nil {
		return err
	}
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
	if f.Copy.Held(at.application, at.environment).Number < number {
		if err := f.fetch(ctx, at, now); err != nil {
			return err
		}
	}
	has := f.Copy.Held(at.application, at.environment).Number
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
	held := f.Copy.Held(at.application, at.environment)
	if e.Snapshot.Before(&held.Snapshot) && f.early(at, e.Number) {
		return fmt.Errorf("Redis has revision %d of %s, of a server that is behind: there was %d", e.Snapshot.Revision, at, held.Snapshot.Revision)
	}
	return f.Copy.Take(e, now)
}

// early reports whether an edition that says less than the copy's may be of a server
// that has not read the newest from its store yet. When it stays for some looks, a
// backup was put back that nobody noted.
func (f *Follower) early(at place, number int64) bool {
	if f.earlier[at].number != number {
		f.earlier[at] = message{number, f.Now()}
	}
	return f.Now().Sub(f.earlier[at].at) < laterLooks*f.Every
}

// connected fails when this Redis is a copy of another that it does not hear from. Who
// may not ask that believes that it does.
func (r *Redis) connected(ctx context.Context) error {
	info, err := r.client.Info(ctx, "replication").Result()
	if _, answered := errors.AsType[redis.Error](err); err != nil && !answered {
		return unavailable(err)
	}
	if strings.Contains(info, "role:slave") && !strings.Contains(info, "master_link_status:up") {
		return &davit.Error{Code: davit.CodeUnavailable, Message: "this Redis is a replica that does not hear from its master"}
	}
	return nil
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
