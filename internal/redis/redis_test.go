package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/redis"
)

// flags are what a test publishes: one flag whose description tells the revision.
type flags struct {
	mu       sync.Mutex
	revision int64
	size     int
	looks    int // how often somebody looked
	replaced chan struct{}
}

func newFlags(revision int64) *flags {
	return &flags{revision: revision, replaced: make(chan struct{})}
}

func (f *flags) Editions() []davit.FlagEdition {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	flag := davit.Flag{Key: "a", Type: davit.FlagBoolean, Variants: davit.BooleanVariants(), Description: text(f.revision) + strings.Repeat(" ", f.size),
		Environments: map[string]davit.FlagSettings{"production": {Enabled: true}, "staging": {}}}
	var all []davit.FlagEdition
	for _, environment := range []string{"production", "staging"} {
		all = append(all, davit.FlagEdition{Snapshot: davit.FlagSnapshot{
			Application: "shop", Environment: environment, Revision: f.revision, ChangedAt: time.Unix(f.revision, 0).UTC(), Flags: []davit.Flag{flag},
		}})
	}
	return all
}

func (f *flags) Replaced() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replaced
}

// set changes the flags.
func (f *flags) set(revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revision = revision
	close(f.replaced)
	f.replaced = make(chan struct{})
}

// copied is a copy that watches whether it is ever given anything wrong.
type copied struct {
	t         *testing.T
	mu        sync.Mutex
	held      map[string]davit.FlagEdition
	confirmed map[string]time.Time
	took      int
	rising    bool // no revision comes after a higher one
}

func newCopy(t *testing.T) *copied {
	return &copied{t: t, held: map[string]davit.FlagEdition{}, confirmed: map[string]time.Time{}}
}

func (c *copied) Take(e davit.FlagEdition, at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	environment := e.Snapshot.Environment
	if e.Number <= c.held[environment].Number {
		return nil
	}
	if f := e.Snapshot.Flags[0]; strings.TrimSpace(f.Description) != text(e.Snapshot.Revision) || len(f.Environments) != 1 {
		c.t.Errorf("took revision %d with a flag of %s", e.Snapshot.Revision, f.Description)
	}
	if has := c.held[environment].Snapshot.Revision; c.rising && e.Snapshot.Revision < has {
		c.t.Errorf("took revision %d after %d", e.Snapshot.Revision, has)
	}
	c.held[environment], c.confirmed[environment] = e, at
	c.took++
	return nil
}

func (c *copied) Held(_, environment string) davit.FlagEdition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[environment]
}

func (c *copied) Confirm(_, environment string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed[environment] = at
}

// revision returns what the copy says, and when that was known to be the newest.
func (c *copied) revision() (int64, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held["production"].Snapshot.Revision, c.confirmed["production"]
}

// every is how often both sides look in tests.
const every = 100 * time.Millisecond

// troubles notes what one side was told of.
type troubles struct {
	mu   sync.Mutex
	last error
	text string
}

func (w *troubles) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.text = err, w.text+fmt.Sprintln(err)
}

func (w *troubles) recovered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = nil
}

func (w *troubles) now() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// run runs something until it is ended, by the function that is returned or by the
// test's end.
func run(t *testing.T, do func(context.Context) error) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return end
}

func open(t *testing.T, address string) *redis.Redis {
	t.Helper()
	r, err := redis.Open(address, redis.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func publish(t *testing.T, address string, f *flags) (*troubles, func()) {
	t.Helper()
	return publishAs(t, address, "store", f, time.Now)
}

// publishAs publishes the flags of a store by a clock.
func publishAs(t *testing.T, address, origin string, f *flags, now func() time.Time) (*troubles, func()) {
	t.Helper()
	w := &troubles{}
	p := &redis.Publisher{
		Redis: open(t, address), Flags: f, Origin: origin, Host: "host-of-" + origin, Every: every, Now: now, Failed: w.failed, Recovered: w.recovered,
	}
	return w, run(t, p.Run)
}

func follow(t *testing.T, address string, c *copied) (*troubles, func()) {
	t.Helper()
	w := &troubles{}
	f := &redis.Follower{Redis: open(t, address), Copy: c, Only: func(string, string) bool { return true }, Every: every, Now: time.Now,
		Failed: w.failed, Recovered: w.recovered}
	return w, run(t, f.Run)
}

// reaches waits until the copy has a revision that is confirmed from now on.
func reaches(t *testing.T, c *copied, revision int64) {
	t.Helper()
	now := time.Now()
	eventually(t, fmt.Sprintf("the copy is at revision %d and knows it is the newest", revision), func() bool {
		has, at := c.revision()
		if has > revision {
			t.Fatalf("the copy is at revision %d, beyond %d", has, revision)
		}
		return has == revision && at.After(now)
	})
}

// unsure waits until the copy was not confirmed for some looks.
func unsure(t *testing.T, c *copied) {
	t.Helper()
	eventually(t, "the copy is not confirmed", func() bool {
		_, at := c.revision()
		return time.Since(at) > 5*every
	})
}

// TestPublishAndFollow hands changes over, and takes up what is there.
func TestPublishAndFollow(t *testing.T) {
	s := newServer(t)
	f, c := newFlags(1), newCopy(t)
	follow(t, url(s.address), c)
	_, end := publish(t, url(s.address), f)
	reaches(t, c, 1)
	for revision := int64(2); revision < 20; revision++ {
		f.set(revision)
	}
	reaches(t, c, 19)
	first := c.Held("shop", "production").Number
	end()

	_, end = publish(t, url(s.address), f) // a server that starts finds what it would publish
	late := newCopy(t)
	follow(t, url(s.address), late)
	reaches(t, late, 19)
	reaches(t, c, 19)
	if got := c.Held("shop", "production").Number; got != first {
		t.Errorf("the same was published again, as %d and %d", first, got)
	}
	end()
	// From a backup that nobody noted: older, and when the server still says so after
	// some looks, what the flags say.
	publish(t, url(s.address), newFlags(5))
	eventually(t, "the flags of the backup", func() bool { has, _ := c.revision(); return has == 5 })
}

// TestLost loses messages, by a Redis that passes none on.
func TestLost(t *testing.T) {
	s := newServer(t)
	f, c := newFlags(1), newCopy(t)
	follow(t, url(s.address), c)
	publish(t, url(s.address), f)
	reaches(t, c, 1)
	s.do("ACL", "SETUSER", "default", "resetchannels") // ends subscriptions, and keeps new ones away
	s.do("RENAME", redis.Prefix+"numbers", "aside")    // and forgets what is published
	f.set(2)
	s.do("ACL", "SETUSER", "default", "allchannels")
	reaches(t, c, 2)
}

// TestRestartedEmpty takes all out of Redis, again and again.
func TestRestartedEmpty(t *testing.T) {
	s := newServer(t)
	f, c := newFlags(1), newCopy(t)
	trouble, _ := follow(t, url(s.address), c)
	publishing, _ := publish(t, url(s.address), f)
	for revision := int64(1); revision < 5; revision++ {
		reaches(t, c, revision)
		s.end()
		eventually(t, "both notice", func() bool { return trouble.now() != nil && publishing.now() != nil })
		f.set(revision + 1)
		s.start()
	}
	reaches(t, c, 5)
	s.do("FLUSHALL")
	late := newCopy(t)
	follow(t, url(s.address), late)
	reaches(t, late, 5)
}

// TestFull fills Redis up: what cannot be published is told to be there.
func TestFull(t *testing.T) {
	s := newServer(t, "--maxmemory-policy", "noeviction")
	f, c := newFlags(1), newCopy(t)
	follow(t, url(s.address), c)
	trouble, _ := publish(t, url(s.address), f)
	reaches(t, c, 1)
	s.do("CONFIG", "SET", "maxmemory", "1")
	f.set(2)
	eventually(t, "the publisher is told", func() bool { err := trouble.now(); return err != nil && strings.Contains(err.Error(), "OOM") })
	unsure(t, c)
	if has, _ := c.revision(); has != 1 {
		t.Errorf("the copy is at revision %d", has)
	}
	s.do("CONFIG", "SET", "maxmemory", "0")
	reaches(t, c, 2)
}

// TestPartitioned cuts and mutes the lines of both sides.
func TestPartitioned(t *testing.T) {
	s := newServer(t)
	f, c := newFlags(1), newCopy(t)
	there, here := newLine(t, s.address), newLine(t, s.address)
	publish(t, url(there.Addr().String()), f)
	follow(t, url(here.Addr().String()), c)
	reaches(t, c, 1)
	here.Cut()
	f.set(2)
	unsure(t, c)
	here.Mend()
	reaches(t, c, 2)
	there.Cut()
	f.set(3)
	reaches(t, c, 2) // nobody can know better
	there.Mend()
	reaches(t, c, 3)
	here.Mute()
	f.set(4)
	unsure(t, c)
	here.Speak()
	reaches(t, c, 4)
	there.Mute()
	f.set(5)
	f.set(6)
	there.Speak()
	reaches(t, c, 6)
}

// TestSlow hands flags over on a line that takes long for them, while they change.
func TestSlow(t *testing.T) {
	s := newServer(t)
	f, c := newFlags(1), newCopy(t)
	f.size = 20_000
	there, here := newLine(t, s.address), newLine(t, s.address)
	there.Slow(4096, 5*time.Millisecond)
	here.Slow(4096, 5*time.Millisecond)
	publish(t, url(there.Addr().String()), f)
	follow(t, url(here.Addr().String()), c)
	reaches(t, c, 1)
	for revision := int64(2); revision <= 30; revision++ {
		f.set(revision)
	}
	reaches(t, c, 30)
}

// TestGarbage writes into the keys what was never published.
func TestGarbage(t *testing.T) {
	s := newServer(t)
	f, c := newFlags(1), newCopy(t)
	follow(t, url(s.address), c)
	publish(t, url(s.address), f)
	reaches(t, c, 1)
	const numbers, document, at = redis.Prefix + "numbers", redis.Prefix + "edition:shop/production", "shop/production"
	good, err := f.Editions()[1].Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i, garbage := range [][]any{
		{"SET", numbers, "text"},
		{"HSET", numbers, at, "text"},
		{"HSET", numbers, at, "nan"},
		{"HSET", numbers, at, "inf"},
		{"HSET", numbers, at, "9007199254740993"},
		{"HSET", numbers, at, "9007199254740991"}, // the last number that is one
		{"HSET", numbers, at, "-1"},
		{"HINCRBY", numbers, at, "1000"},
		{"HSET", numbers, "shop/production/more", "5", "", "5", "shop/", "5"},
		{"SET", document, "text"},
		{"SET", document, good}, // of another environment
		{"SETRANGE", document, 200, "xxx"},
		{"DEL", document},
		{"LPUSH", redis.Prefix + "other", "x"},
		{"PUBLISH", redis.Prefix + "changes", "text"},
		{"FLUSHALL"},
	} {
		s.do(garbage...)
		late := newCopy(t)
		_, end := follow(t, url(s.address), late)
		f.set(int64(i) + 2)
		reaches(t, late, int64(i)+2)
		reaches(t, c, int64(i)+2)
		end()
	}
	s.do("DEL", document)
	s.do("LPUSH", document, "x")
	s.do("HINCRBY", numbers, at, "1")
	late := newCopy(t)
	follow(t, url(s.address), late)
	reaches(t, late, 17)
}

// TestSecret looks for the password in all that is told.
func TestSecret(t *testing.T) {
	const password = "hunter2secret"
	for _, address := range []string{"redis://:" + password + "@[::1", "redis://:" + password + "@127.0.0.1:1/x", "http://" + password, password} {
		_, err := redis.Open(address, redis.Prefix)
		if err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%v", err)
		}
		var told *davit.Error
		if !errors.As(err, &told) || told.Code != davit.CodeInvalid || strings.Contains(told.Hint, password) {
			t.Errorf("%v", err)
		}
	}
	s := newServer(t, "--requirepass", "another")
	trouble, _ := publish(t, "redis://:"+password+"@"+s.address, newFlags(1))
	following, _ := follow(t, "redis://:"+password+"@"+s.address, newCopy(t))
	eventually(t, "both are refused", func() bool { return trouble.now() != nil && following.now() != nil })
	s.end()
	publish(t, "redis://:another@"+s.address, newFlags(1))
	for _, text := range []string{trouble.text, following.text} {
		if text == "" || strings.Contains(text, password) {
			t.Errorf("told: %s", text)
		}
	}
}
