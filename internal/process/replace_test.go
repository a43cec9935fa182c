package process

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func TestReplaceEndsOneAndStartsAnother(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "http", nil))
	f.declare(r, 2)
	before := f.untilReady(2)
	if user := before[0].User; user != strconv.Itoa(os.Getuid()) {
		t.Errorf("it runs as user %q", user)
	}
	gone, err := f.Replace(t.Context(), before[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if !gone.InTime || gone.Signalled.IsZero() || gone.Ended.Before(gone.Signalled) {
		t.Errorf("it left as %+v", gone)
	}
	after := f.untilReady(2)
	for _, i := range after {
		if i.ID == before[0].ID {
			t.Error("the instance is still there")
		}
	}
	if after[0].ID != before[1].ID || after[1].Restarts != 0 {
		t.Errorf("%+v took the place in %+v", after, before)
	}
	for _, id := range []string{before[0].ID, "web-nobody"} {
		if _, err := f.Replace(t.Context(), id); davit.ErrorCode(err) != davit.CodeNotFound {
			t.Errorf("replacing %s: %v", id, err)
		}
	}
}

func TestReplaceTellsWhatHadToBeKilled(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	grace := davit.Duration(200 * time.Millisecond)
	f.declare(release(t, "v1", nil, service(t, "stubborn", func(s *davit.Service) { s.Grace = grace })), 1)
	gone, err := f.Replace(t.Context(), f.untilReady(1)[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if gone.InTime || gone.Ended.Sub(gone.Signalled) < grace.D() {
		t.Errorf("it left as %+v", gone)
	}
	f.untilReady(1)
}
