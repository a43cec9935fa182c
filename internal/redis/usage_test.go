package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/davit-dev/davit/internal/redis"
)

// TestUses tells what was used on edge servers, over midnight and beside garbage: the
// later of two times stays.
func TestUses(t *testing.T) {
	s := newServer(t)
	r := open(t, url(s.address))
	now := time.Date(2026, 11, 2, 0, 5, 0, 0, time.UTC)
	flag := redis.Use{Application: "shop", Environment: "production", Name: "a/b", At: now.Add(-10 * time.Minute)}
	key := redis.Use{Application: "shop", Environment: "production", Key: true, Name: "k1", At: now}
	again := flag
	again.At = now
	late := again
	late.At = now.Add(-time.Minute) // of an edge server that was cut off meanwhile
	future := redis.Use{Application: "shop", Environment: "staging", Name: "c", At: now.Add(time.Hour)}
	s.do("SET", redis.Prefix+"used:2026-11-02", "text")
	for _, uses := range [][]redis.Use{{flag, key}, {again}, {late, future}} {
		if err := r.Report(context.Background(), uses); err != nil {
			t.Fatal(err)
		}
	}
	s.do("HSET", redis.Prefix+"used:2026-11-02", "", "5", "flag/shop", "5", "flag/shop/production/x", "text", "other/shop/production/x", "5", "flag/shop/production/y", "999999999999")
	got, err := r.Uses(context.Background(), now.Add(-time.Hour), now)
	if err != nil {
		t.Fatal(err)
	}
	want := map[redis.Use]bool{flag: true, again: true, key: true}
	future.At = now // a clock that is ahead
	want[future] = true
	for _, u := range got {
		if !want[u] {
			t.Errorf("%+v was not told", u)
		}
		delete(want, u)
	}
	if len(want) > 0 {
		t.Errorf("nothing tells %+v", want)
	}
	if ttl := s.client.TTL(context.Background(), redis.Prefix+"used:2026-11-02").Val(); ttl <= 0 || ttl > 8*24*time.Hour {
		t.Errorf("kept for %s", ttl)
	}
	s.end()
	if err := r.Report(context.Background(), []redis.Use{flag}); err == nil {
		t.Error("a Redis that is away was told")
	}
	if _, err := r.Uses(context.Background(), now, now); err == nil {
		t.Error("a Redis that is away tells")
	}
}
