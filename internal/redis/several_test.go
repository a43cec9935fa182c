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
			number := c.Held("shop", "production").Number
			behind := a
			if ahead == a {
				behind = b
			}
			behind.set(revision - 1) // it is told that something changed, and reads what was before
			behind.set(revision)
			reaches(t, c, revision)
			if got := c.Held("shop", "production").Number; got != number {
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

// TestBehind empties Redis while only a server that is behind is there to fill it
// again: who follows keeps what it has until that one has read the newest.
func TestBehind(t *testing.T) {
	s := newServer(t)
	ahead, behind, c := newFlags(5), newFlags(4), newCopy(t)
	c.rising = true
	trouble := &troubles{}
	f := &redis.Follower{Redis: open(t, url(s.address)), Copy: c, Only: func(string, string) bool { return true }, Now: time.Now,
		Every: 20 * every, Failed: trouble.failed, Recovered: trouble.recovered} // and it waits ten times that for the newest
	run(t, f.Run)
	_, end := publishAs(t, url(s.address), "store", ahead, time.Now)
	reaches(t, c, 5)
	end()
	s.do("FLUSHALL")
	publishAs(t, url(s.address), "store", behind, time.Now)
	eventually(t, "the follower is told", func() bool {
		err := trouble.now()
		return err != nil && strings.Contains(err.Error(), "Redis has revision 4 of shop/")
	})
	behind.set(5)
	reaches(t, c, 5)
}

// TestReplica follows a replica, which goes on with what it has when its master is gone.
func TestReplica(t *testing.T) {
	master := newServer(t, "--repl-diskless-sync-delay", "0")
	f, c := newFlags(1), newCopy(t)
	publish(t, url(master.address), f)
	replica := newServer(t, "--replicaof", strings.Replace(master.address, ":", " ", 1))
	trouble, _ := follow(t, url(replica.address), c)
	reaches(t, c, 1)
	master.end()
	eventually(t, "the follower is told", func() bool {
		err := trouble.now()
		return err != nil && strings.Contains(err.Error(), "does not hear from its master")
	})
	unsure(t, c)
	f.set(2)
	master.start()
	reaches(t, c, 2)
}

// TestHanging follows a Redis that takes connections and never answers: that is told
// soon, and ends soon.
func TestHanging(t *testing.T) {
	s := newServer(t)
	here := newLine(t, s.address)
	here.Mute()
	w, looked := &troubles{}, make(chan struct{})
	f := &redis.Follower{Redis: open(t, url(here.Addr().String())), Copy: newCopy(t), Only: func(string, string) bool { return true }, Every: every, Now: time.Now,
		Failed: w.failed, Recovered: w.recovered, Looked: looked}
	began := time.Now()
	end := run(t, f.Run)
	<-looked
	if took := time.Since(began); took > 15*time.Second { // 2 when nothing else runs
		t.Errorf("it looked for %s", took)
	}
	eventually(t, "the follower is told", func() bool { return w.now() != nil })
	ending := time.Now()
	end()
	if took := time.Since(ending); took > 15*time.Second {
		t.Errorf("it ended after %s", took)
	}
}
