package openfeature_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/openfeature"
)

// TestOlder asks servers of which some are behind: flags that were in effect are
// replaced by later ones alone, by those of a backup that was put back, and by those
// of another store.
func TestOlder(t *testing.T) {
	snapshots := make(chan davit.FlagSnapshot, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // what the program tells
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for n := 0; ; n++ {
			select {
			case s := <-snapshots:
				doc, err := json.Marshal(s)
				if err != nil {
					t.Error(err)
				}
				fmt.Fprintf(w, "id: %d-%d\nevent: snapshot\ndata: %s\n\n", s.Revision, n, doc)
				if err := http.NewResponseController(w).Flush(); err != nil {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	w := &world{Server: server, t: t, key: "key"}
	give := func(origin string, restored, revision, at int64) {
		t.Helper()
		f := boolean("plain")
		f.Variants = []davit.FlagVariant{{Name: "v", Value: []byte("true")}}
		f.Description = fmt.Sprint(origin, restored, revision, at)
		f.Metadata = map[string]any{"revision": float64(revision)}
		f.Environments = map[string]davit.FlagSettings{"production": on("v")}
		s := davit.FlagSnapshot{Application: "shop", Environment: "production", Origin: origin, Revision: revision, ChangedAt: time.Unix(at, 0), Flags: []davit.Flag{f}}
		if restored > 0 {
			s.RestoredAt = time.Unix(restored, 0)
		}
		select {
		case snapshots <- s:
		case <-time.After(patience):
			t.Fatal("nobody asks for flags")
		}
	}
	give("a", 0, 5, 50)
	p, err := w.start(openfeature.Options{Wait: patience})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name                   string
		origin                 string
		restored, revision, at int64
		event                  string
		has                    int64
	}{
		{"an edge that is behind", "a", 0, 4, 40, "PROVIDER_STALE", 5},
		{"it has caught up", "a", 0, 6, 60, "PROVIDER_CONFIGURATION_CHANGED plain", 6},
		{"a clock is behind", "a", 0, 7, 55, "PROVIDER_CONFIGURATION_CHANGED plain", 7},
		{"a copied file, changed since", "a", 0, 2, 70, "PROVIDER_CONFIGURATION_CHANGED plain", 2},
		{"a backup was put back", "a", 80, 1, 10, "PROVIDER_CONFIGURATION_CHANGED plain", 1},
		{"an edge that does not know that", "a", 0, 9, 90, "PROVIDER_STALE", 1},
		{"another store", "b", 0, 1, 1, "PROVIDER_CONFIGURATION_CHANGED plain", 1},
	} {
		p.forget()
		give(step.origin, step.restored, step.revision, step.at)
		p.hears(t, step.event)
		d, err := p.BooleanValueDetails(t.Context(), "plain", false, sdk.EvaluationContext{})
		if has, _ := d.FlagMetadata.GetFloat("revision"); err != nil || has != float64(step.has) {
			t.Errorf("%s: revision %v, want %d (%v)", step.name, has, step.has, err)
		}
	}
}
