package forge

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
)

// hub is an HTTP server that behaves as GitHub and GitLab document for what
// davit asks of them.
type hub struct {
	*httptest.Server
	mu       sync.Mutex
	calls    []string
	releases []map[string]any
	requests []map[string]any
	uploads  map[string]string
	mayPush  bool
	app      bool   // the token is an installation's, whose permissions are not told
	bypass   string // of the ruleset; GitLab: "never" forbids to push to the branch
	failNext string // "METHOD part of the path" that fails once, after it was done
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{uploads: map[string]string{}, mayPush: true}
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
			h.calls = append(h.calls, call)
		}
		if method, part, ok := strings.Cut(h.failNext, " "); ok && r.Method == method && strings.Contains(r.URL.Path, part) {
			h.failNext = ""
			mux.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
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

func (h *hub) github(mux *http.ServeMux) {
	mux.HandleFunc("GET /repos/o/r", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"permissions": map[string]bool{"push": h.mayPush}})
	})
	mux.HandleFunc("HEAD /installation/repositories", func(w http.ResponseWriter, _ *http.Request) {
		if !h.app {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	mux.HandleFunc("GET /repos/o/r/rules/branches/{branch}", func(w http.ResponseWriter, r *http.Request) {
		if h.bypass == "" || r.PathValue("branch") != "release/1.x" {
			answer(w, []any{})
			return
		}
		answer(w, []map[string]any{{"type": "deletion", "ruleset_id": 1}, {"type": "pull_request", "ruleset_id": 2}, {"type": "update", "ruleset_id": 2}})
	})
	mux.HandleFunc("GET /repos/o/r/rulesets/2", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"id": 2, "name": "main", "current_user_can_bypass": h.bypass})
	})
	mux.HandleFunc("GET /repos/o/r/releases/tags/{tag}", func(w http.ResponseWriter, r *http.Request) {
		for _, one := range h.releases {
			if one["tag_name"] == r.PathValue("tag") && one["draft"] != true { // drafts are not found by tag
				answer(w, one)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
		answer(w, map[string]string{"message": "Not Found"})
	})
	mux.HandleFunc("GET /repos/o/r/releases", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.releases) })
	mux.HandleFunc("POST /repos/o/r/releases", func(w http.ResponseWriter, r *http.Request) {
		one := body(r)
		id := len(h.releases) + 1
		one["id"], one["html_url"], one["assets"] = id, fmt.Sprintf("%s/release/%d", h.URL, id), []any{}
		one["upload_url"] = fmt.Sprintf("%s/upload/%d{?name,label}", h.URL, id)
		h.releases = append(h.releases, one)
		w.WriteHeader(http.StatusCreated)
		answer(w, one)
	})
	mux.HandleFunc("PATCH /repos/o/r/releases/{id}", func(w http.ResponseWriter, r *http.Request) {
		one := h.release(r.PathValue("id"))
		for key, value := range body(r) {
			one[key] = value
		}
		answer(w, one)
	})
	mux.HandleFunc("POST /upload/{id}", func(w http.ResponseWriter, r *http.Request) {
		one, name := h.release(r.PathValue("id")), r.URL.Query().Get("name")
		content, err := io.ReadAll(r.Body)
		if _, there := h.uploads[name]; there || err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		h.uploads[name] = string(content)
		one["assets"] = append(one["assets"].([]any), map[string]any{"id": len(h.uploads), "name": name, "state": "uploaded", "size": len(content)})
		w.WriteHeader(http.StatusCreated)
		answer(w, map[string]any{})
	})
	mux.HandleFunc("DELETE /repos/o/r/releases/assets/{id}", func(w http.ResponseWriter, _ *http.Request) {
		clear(h.uploads)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /repos/o/r/pulls", func(w http.ResponseWriter, r *http.Request) {
		open := []map[string]any{}
		for _, one := range h.requests {
			if "o:"+one["head"].(string) == r.URL.Query().Get("head") && one["base"] == r.URL.Query().Get("base") {
				open = append(open, one)
			}
		}
		answer(w, open)
	})
	mux.HandleFunc("POST /repos/o/r/pulls", func(w http.ResponseWriter, r *http.Request) { h.open(w, r, "number", "html_url") })
	mux.HandleFunc("PATCH /repos/o/r/pulls/{id}", h.update)
}

func (h *hub) gitlab(mux *http.ServeMux) {
	mux.HandleFunc("GET /projects/{id}/repository/branches/{branch}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("branch") != "release/1.x" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		answer(w, map[string]any{"name": "release/1.x", "protected": h.bypass != "", "can_push": h.bypass != "never"})
	})
	mux.HandleFunc("GET /projects/{id}", func(w http.ResponseWriter, _ *http.Request) {
		level := 20
		if h.mayPush {
			level = 30
		}
		answer(w, map[string]any{"permissions": map[string]any{"project_access": nil, "group_access": map[string]int{"access_level": level}}})
	})
	mux.HandleFunc("GET /projects/{id}/releases/{tag}", func(w http.ResponseWriter, r *http.Request) {
		for _, one := range h.releases {
			if one["tag_name"] == r.PathValue("tag") {
				answer(w, one)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	})
	mux.HandleFunc("POST /projects/{id}/releases", func(w http.ResponseWriter, r *http.Request) {
		one := body(r)
		one["_links"] = map[string]string{"self": h.URL + "/release/1"}
		h.releases = append(h.releases, one)
		answer(w, one)
	})
	mux.HandleFunc("PUT /projects/{id}/packages/generic/release/{version}/{name}", func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		h.uploads[r.PathValue("name")] = string(content)
		answer(w, map[string]any{})
	})
	mux.HandleFunc("GET /projects/{id}/merge_requests", func(w http.ResponseWriter, r *http.Request) {
		open := []map[string]any{}
		for _, one := range h.requests {
			if one["source_branch"] == r.URL.Query().Get("source_branch") {
				open = append(open, one)
			}
		}
		answer(w, open)
	})
	mux.HandleFunc("POST /projects/{id}/merge_requests", func(w http.ResponseWriter, r *http.Request) { h.open(w, r, "iid", "web_url") })
	mux.HandleFunc("PUT /projects/{id}/merge_requests/{id2}", h.update)
}

func (h *hub) open(w http.ResponseWriter, r *http.Request, number, page string) {
	one := body(r)
	one[number], one[page] = 1, h.URL+"/request/1"
	h.requests = append(h.requests, one)
	w.WriteHeader(http.StatusCreated)
	answer(w, one)
}

func (h *hub) update(w http.ResponseWriter, r *http.Request) {
	for key, value := range body(r) {
		h.requests[0][key] = value
	}
	answer(w, h.requests[0])
}

func (h *hub) release(id string) map[string]any {
	n, err := strconv.Atoi(id)
	if err != nil {
		panic(err)
	}
	return h.releases[n-1]
}

func (h *hub) forge(t *testing.T, kind, token string) Forge {
	t.Helper()
	repository := map[string]string{"github": "o/r", "gitlab": "o/sub/r"}[kind]
	return Open(kind, h.URL, "example.com", repository, func(name string) string {
		if name == "GITHUB_TOKEN" || name == "GITLAB_TOKEN" {
			return token
		}
		return ""
	})
}

func asset(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "davit linux.tar.gz")
	if err := os.WriteFile(name, []byte("binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestPublish publishes twice on both forges, with every call of the first
// time failing once after it was done.
func TestPublish(t *testing.T) {
	for kind, failures := range map[string][]string{
		"github": {"", "POST /releases", "POST /upload", "PATCH /releases"},
		"gitlab": {"", "POST /releases", "PUT /packages"},
	} {
		for _, failure := range failures {
			t.Run(kind+" "+failure, func(t *testing.T) {
				h := newHub(t)
				h.failNext = failure
				f := h.forge(t, kind, "token")
				r := Release{Tag: "api/v1.0.0", Notes: "- x\n", Latest: true, Assets: []string{asset(t)}}
				_, err := f.Publish(t.Context(), r)
				if (err != nil) != (failure != "") {
					t.Fatalf("the first time: %v", err)
				}
				page, err := f.Publish(t.Context(), r)
				if err != nil || !strings.Contains(page, "/release/1") {
					t.Fatalf("the second time: %q, %v", page, err)
				}
				if len(h.releases) != 1 || h.releases[0]["draft"] == true {
					t.Errorf("the forge has %v", h.releases)
				}
				if diff := cmp.Diff(map[string]string{"davit linux.tar.gz": "binary"}, h.uploads); diff != "" {
					t.Errorf("assets (-want +got):\n%s", diff)
				}
				calls := len(h.calls)
				if _, err := f.Publish(t.Context(), r); err != nil || len(h.calls) != calls {
					t.Errorf("a third time wrote again: %v, %v", h.calls[calls:], err)
				}
				r.Notes = "- y\n"
				if _, err := f.Publish(t.Context(), r); err != nil || len(h.calls) != calls {
					t.Errorf("a published release was written again: %v, %v", h.calls[calls:], err)
				}
				if there, err := f.Published(t.Context(), r.Tag); err != nil || !there {
					t.Errorf("published: %v, %v", there, err)
				}
				if there, err := f.Published(t.Context(), "v9"); err != nil || there {
					t.Errorf("another tag is published: %v, %v", there, err)
				}
			})
		}
	}
}

func TestGitHubReplacesHalfAnAsset(t *testing.T) {
	h := newHub(t)
	h.uploads["davit linux.tar.gz"] = "bin"
	h.releases = []map[string]any{{
		"id": 1, "tag_name": "v1", "draft": true, "upload_url": h.URL + "/upload/1{?name}",
		"assets": []any{map[string]any{"id": 7, "name": "davit linux.tar.gz", "state": "starter", "size": 3}},
	}}
	if _, err := h.forge(t, "github", "token").Publish(t.Context(), Release{Tag: "v1", Assets: []string{asset(t)}}); err != nil {
		t.Fatal(err)
	}
	if h.uploads["davit linux.tar.gz"] != "binary" {
		t.Errorf("the asset is %q", h.uploads)
	}
}

func TestPropose(t *testing.T) {
	for _, kind := range []string{"github", "gitlab"} {
		h := newHub(t)
		f := h.forge(t, kind, "token")
		for _, title := range []string{"one", "two"} {
			page, err := f.Propose(t.Context(), PullRequest{Branch: "davit/release-main", Base: "main", Title: title, Body: "b"})
			if err != nil || !strings.HasSuffix(page, "/request/1") {
				t.Fatal(page, err)
			}
		}
		if len(h.requests) != 1 || h.requests[0]["title"] != "two" {
			t.Errorf("%s has %v", kind, h.requests)
		}
	}
}

func TestRights(t *testing.T) {
	for _, kind := range []string{"github", "gitlab"} {
		h := newHub(t)
		if err := h.forge(t, kind, "token").CheckPush(t.Context(), "release/1.x"); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		h.mayPush = false
		if err := h.forge(t, kind, "token").CheckPush(t.Context(), "release/1.x"); davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("%s without the right: %v", kind, err)
		}
		err := h.forge(t, kind, "wrong-secret").CheckPush(t.Context(), "release/1.x")
		if davit.ErrorCode(err) != davit.CodeRefused || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s with a wrong token: %v", kind, err)
		}
		if f := h.forge(t, kind, ""); f != nil {
			t.Errorf("%s without a token: %v", kind, f)
		}
		h.Close()
		if err := h.forge(t, kind, "token").CheckPush(t.Context(), "release/1.x"); davit.ErrorCode(err) != davit.CodeUnavailable {
			t.Errorf("%s away: %v", kind, err)
		}
	}
}

// TestRightsOfAnInstallation checks that the push decides for the token of a
// workflow, whose right the repository's permissions do not tell.
func TestRightsOfAnInstallation(t *testing.T) {
	h := newHub(t)
	h.mayPush, h.app = false, true
	if err := h.forge(t, "github", "token").CheckPush(t.Context(), "release/1.x"); err != nil {
		t.Errorf("error %v", err)
	}
	h.bypass = "never"
	if err := h.forge(t, "github", "token").CheckPush(t.Context(), "release/1.x"); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("with a ruleset in the way: %v", err)
	}
}

func TestProtectedBranch(t *testing.T) {
	for _, kind := range []string{"github", "gitlab"} {
		h := newHub(t)
		for bypass, want := range map[string]davit.Code{"": "", "always": "", "never": davit.CodeRefused} {
			h.bypass = bypass
			err := h.forge(t, kind, "token").CheckPush(t.Context(), "release/1.x")
			if err == nil && want == "" {
				continue
			}
			if davit.ErrorCode(err) != want || !strings.Contains(err.Error(), "release/1.x is protected") {
				t.Errorf("%s, bypass %q: %v", kind, bypass, err)
			}
		}
		if err := h.forge(t, kind, "token").CheckPush(t.Context(), "new"); err != nil {
			t.Errorf("%s, a branch without rules: %v", kind, err)
		}
	}
}
