package recent_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit/internal/flag"
	"github.com/davit-dev/davit/internal/flag/recent"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func user(key string) []byte { return fmt.Appendf(nil, `{"targetingKey":%q}`, key) }

// keys returns the targeting keys of contexts, in order.
func keys(contexts []*flag.Context) []string {
	made := make([]string, 0, len(contexts))
	for _, c := range contexts {
		made = append(made, c.TargetingKey())
	}
	slices.Sort(made)
	return made
}

// TestUsers remembers each user once, where they were seen.
func TestUsers(t *testing.T) {
	u := recent.New()
	text := user("anna")
	u.Note("shop", "production", "anna", text, noon)
	copy(text, "overwritten, as the caller's buffer is")
	u.Note("shop", "production", "anna", user("anna"), noon)
	u.Note("shop", "production", "bo", user("bo"), noon)
	u.Note("shop", "production", "", []byte(`{"plan":"pro"}`), noon)
	u.Note("shop", "production", "", []byte(`{"plan":"pro"}`), noon)
	u.Note("shop", "production", "", []byte(`{"plan":"free"}`), noon)
	u.Note("shop", "production", "", nil, noon)
	u.Note("shop", "production", "long", []byte(`{"targetingKey":"long","x":"`+strings.Repeat("x", recent.Largest)+`"}`), noon)
	u.Note("shop", "staging", "carl", user("carl"), noon)
	u.Note("blog", "production", "dora", user("dora"), noon)
	if diff := cmp.Diff([]string{"", "", "anna", "bo"}, keys(u.Of("shop", "production", noon))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"carl"}, keys(u.Of("shop", "staging", noon))); diff != "" {
		t.Error(diff)
	}
	if got := u.Of("shop", "elsewhere", noon); len(got) != 0 {
		t.Errorf("where nobody was seen: %v", keys(got))
	}
}

// TestManyUsers forgets who was seen first, and takes few when there are many.
func TestManyUsers(t *testing.T) {
	u := recent.New()
	for i := range recent.Most {
		key := fmt.Sprint("user-", i)
		u.Note("shop", "production", key, user(key), noon)
	}
	note := func(key string, after time.Duration) {
		u.Note("shop", "production", key, user(key), noon.Add(after))
	}
	note("too soon", time.Millisecond)
	note("later", time.Second)
	note("too soon after that", time.Second+time.Millisecond)
	note("when the clock was put back", -time.Hour)
	got := keys(u.Of("shop", "production", noon))
	if len(got) != recent.Most {
		t.Errorf("%d are remembered, want %d", len(got), recent.Most)
	}
	for key, want := range map[string]bool{
		"user-0": false, "user-1": false, "user-2": true, "user-999": true,
		"too soon": false, "later": true, "too soon after that": false, "when the clock was put back": true,
	} {
		if slices.Contains(got, key) != want {
			t.Errorf("%s is remembered: %v, want %v", key, !want, want)
		}
	}
}

// TestUsersAtOnce notes and asks at the same time.
func TestUsersAtOnce(t *testing.T) {
	u := recent.New()
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for i := range 200 {
				key := fmt.Sprint(w, "-", i)
				u.Note("shop", "production", key, user(key), noon)
				if i%20 == 0 {
					u.Of("shop", "production", noon)
				}
			}
		})
	}
	group.Wait()
	if got := u.Of("shop", "production", noon); len(got) != 800 {
		t.Errorf("%d are remembered, want 800", len(got))
	}
}

func BenchmarkNote(b *testing.B) {
	u, text := recent.New(), user("anna")
	now := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			u.Note("shop", "production", "anna", text, now)
		}
	})
}
