// Package forgetest stands in for GitHub and GitLab in tests.
package forgetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Hub is an HTTP server that behaves as GitHub and GitLab document for what
// davit asks of them.
type Hub struct {
	*httptest.Server
	Calls    []string          // that write
	Releases []map[string]any  // as they were sent, and what the forge adds
	Requests []map[string]any  // to merge
	Uploads  map[string]string // content by release and name
	MayPush  bool
	App      bool   // the token is an installation's, whose permissions are not told
	Bypass   string // of the ruleset; GitLab: "never" forbids to push to the branch
	FailNext string // "METHOD part of the path" that fails once, after it was done

	mu   sync.Mutex
	done func(call string)
}

// OnWrite has done called when a call that writes was done and is not answered
// yet; nil is called for none. It returns when no call is being answered: what
// a client left that died has been done by then.
func (h *Hub) OnWrite(done func(call string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = done
}

// New returns a hub that lasts as long as the test, which may read and write
// the fields while nothing is asked of it. Its token is "token".
func New(t *testing.T) *Hub {
	t.Helper()
	h := &Hub{Uploads: map[string]string{}, MayPush: true}
	mux := http.NewServeMux()
	h.github(mux)
	h.gitlab(mux)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		call := r.Method + " " + r.URL.Path
		if r.Header.Get("Authorization") != "Bearer token" && r.Header.Get("Private-Token") != "token" {
			w.WriteHeader(http.StatusUnauthorized)
			answer(w, map[string]string{"message": "Bad credentials"})
			return
		}
		if r.Method != http.MethodGet {
			h.Calls = append(h.Calls, call)
		}
		if method, part, ok := strings.Cut(h.FailNext, " "); ok && r.Method == method && strings.Contains(r.URL.Path, part) {
			h.FailNext = ""
			mux.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
		if h.done != nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.done(call)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func answer(w http.ResponseWriter, value any) {
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(err)
	}
}

func body(r *http.Request) map[string]any {
	m := map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		panic(err)
	}
	return m
}

// refuse answers as the forges refuse what is there already.
func refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	answer(w, map[string]string{"message": message})
}

// release returns the published or drafted release of a tag; nil without one.
func (h *Hub) release(tag any) map[string]any {
	for _, one := range h.Releases {
		if one["tag_name"] == tag {
			return one
		}
	}
	return nil
}

// selected returns the requests that have all of the given values.
func (h *Hub) selected(values map[string]string) []map[string]any {
	found := []map[string]any{}
	for _, one := range h.Requests {
		matches := true
		for key, value := range values {
			matches = matches && one[key] == value
		}
		if matches {
			found = append(found, one)
		}
	}
	return found
}

// open opens a request whose branch has none.
func (h *Hub) open(w http.ResponseWriter, one map[string]any) {
	h.Requests = append(h.Requests, one)
	w.WriteHeader(http.StatusCreated)
	answer(w, one)
}

// request returns the request of a number in a path.
func (h *Hub) request(number string) map[string]any { return h.Requests[index(number)] }

// index returns where the thing with a number of the hub's own is.
func index(number string) int {
	n, err := strconv.Atoi(number)
	if err != nil {
		panic(err)
	}
	return n - 1
}
