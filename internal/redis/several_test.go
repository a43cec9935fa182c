package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit/internal/redis"
)

// TestTwoStores has servers of two stores publish under one prefix: the second is
// refused, and told whose it is, for as long as Redis knows that.
func TestTwoStores(t *testing.T) {
	s := newServer(t)
	first, second, c := newFlags(1), newFlags(100), newCopy(t)
	follow(t, url(s.address), c)
	trouble, end := publishAs(t, url(s.address), "first", first, time.Now)
	reaches(t, c, 1)
	refused, _ := publishAs(t, url(s.address), "second", second, time.Now)
	eventually(t, "the second is refused", func() bool { return refused.now() != nil })
	for revision := int64(2); revision < 5; revision++ {
		second.set(100 + revision)
		first.set(revision)
		reaches(t, c, revision)
	}
	const want = "are those of another store, first (of the server on host-of-first, since 20"
	if err := refused.now(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "whose store is second") {
		t.Errorf("the second is told %v", err)
	}
	if err := trouble.now(); err != nil {
		t.Errorf("the first is told %v", err)
	}
	end()
	s.do("DEL", redis.Prefix+"publisher") // as the second is told to do
	eventually(t, "the second publishes", func() bool { has, _ := c.revision(); return has == 104 })
	if err := refused.now(); err != nil {
		t.Errorf("the second goes on, and is told %v", err)
	}
}

// TestOneStore has two servers publish the flags of one store, of which each is behind
// the other at times: nobody is given older flags after newer ones.
func TestOneStore(t *testing.T) {
	s := newServer(t)
	a, b, c := newFlags(1), newFlags(1), newCopy(t)
	c.rising = true
	follow(t, url(s.address), c)
	start := time.Now()
	stopped := func() time.Time { return start } // who is behind is so for as long as it takes
	troubleA, _ := publishAs(t, url(s.address), "store", a, stopped)
	troubleB, _ := publishAs(t, url(s.address), "store", b, stopped)
	reaches(t, c, 1)
	revision := int64(1)
	for range 10 {
		for _, ahead := range []*flags{a, b} {
			revision++
			ahead.set(revision)
			reaches(t, c, revision)
			number := c.Number("shop", "production")
			behind := a
			if ahead == a {
				behind = b
			}
			behind.set(revision - 1) // it is told that something changed, and reads what was before
			behind.set(revision)
			reaches(t, c, revision)
			if got := c.Number("shop", "production"); got != number {
				t.Errorf("the same was published again, as %d and %d", number, got)
			}
		}
	}
	a.set(revision + 1)
	reaches(t, c, revision+1)
	looked := b.looked()
	eventually(t, "the other has looked some times", func() bool { return b.looked() > looked+4 })
	reaches(t, c, revision+1)
	for name, trouble := range map[string]*troubles{"a": troubleA, "b": troubleB} {
		if err := trouble.now(); err != nil {
			t.Errorf("%s is told %v", name, err)
		}
	}
}

// looked returns how often somebody looked at the flags.
func (f *flags) looked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.looks
}
