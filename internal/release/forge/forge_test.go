package forge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/forge/forgetest"
)

func open(t *testing.T, h *forgetest.Hub, kind, token string) Forge {
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
				h := forgetest.New(t)
				h.FailNext = failure
				f := open(t, h, kind, "token")
				r := Release{Tag: "api/v1.0.0", Notes: "- x\n", Latest: true, Assets: []string{asset(t)}}
				_, err := f.Publish(t.Context(), r)
				if (err != nil) != (failure != "") {
					t.Fatalf("the first time: %v", err)
				}
				page, err := f.Publish(t.Context(), r)
				if err != nil || !strings.Contains(page, "/release/1") {
					t.Fatalf("the second time: %q, %v", page, err)
				}
				if len(h.Releases) != 1 || h.Releases[0]["draft"] == true {
					t.Errorf("the forge has %v", h.Releases)
				}
				release := map[string]string{"github": "api/v1.0.0", "gitlab": "api-v1.0.0"}[kind]
				if diff := cmp.Diff(map[string]string{release + "/davit linux.tar.gz": "binary"}, h.Uploads); diff != "" {
					t.Errorf("assets (-want +got):\n%s", diff)
				}
				calls := len(h.Calls)
				if _, err := f.Publish(t.Context(), r); err != nil || len(h.Calls) != calls {
					t.Errorf("a third time wrote again: %v, %v", h.Calls[calls:], err)
				}
				r.Notes = "- y\n"
				if _, err := f.Publish(t.Context(), r); err != nil || len(h.Calls) != calls {
					t.Errorf("a published release was written again: %v, %v", h.Calls[calls:], err)
				}
				if there, is, err := f.Published(t.Context(), r.Tag); err != nil || !is || there != page {
					t.Errorf("published: %q, %v, %v", there, is, err)
				}
				if _, there, err := f.Published(t.Context(), "v9"); err != nil || there {
					t.Errorf("another tag is published: %v, %v", there, err)
				}
			})
		}
	}
}

func TestGitHubReplacesHalfAnAsset(t *testing.T) {
	h := forgetest.New(t)
	h.Uploads["v1/davit linux.tar.gz"] = "bin"
	h.Releases = []map[string]any{{
		"id": 1, "tag_name": "v1", "draft": true, "upload_url": h.URL + "/upload/1{?name}",
		"assets": []any{map[string]any{"id": 7, "name": "davit linux.tar.gz", "state": "starter", "size": 3}},
	}}
	if _, err := open(t, h, "github", "token").Publish(t.Context(), Release{Tag: "v1", Assets: []string{asset(t)}}); err != nil {
		t.Fatal(err)
	}
	if h.Uploads["v1/davit linux.tar.gz"] != "binary" {
		t.Errorf("the asset is %q", h.Uploads)
	}
}

func TestPropose(t *testing.T) {
	for _, kind := range []string{"github", "gitlab"} {
		h := forgetest.New(t)
		f := open(t, h, kind, "token")
		for i, title := range []string{"one", "two", "two"} {
			page, err := f.Propose(t.Context(), PullRequest{Branch: "davit/release-main", Base: "main", Title: title, Body: "b"})
			if err != nil || !strings.HasSuffix(page, "/request/1") {
				t.Fatal(page, err)
			}
			if want := min(i+1, 2); len(h.Calls) != want { // what says the same is not written again
				t.Errorf("%s: the calls %q, want %d", kind, h.Calls, want)
			}
		}
		if len(h.Requests) != 1 || h.Requests[0]["title"] != "two" {
			t.Errorf("%s has %v", kind, h.Requests)
		}
		for _, want := range []bool{true, false} {
			if closed, err := f.Withdraw(t.Context(), "davit/release-main", "main"); err != nil || closed != want {
				t.Errorf("%s: closed %v, %v, want %v", kind, closed, err, want)
			}
		}
		if h.Requests[0]["state"] != "closed" {
			t.Errorf("%s has %v", kind, h.Requests)
		}
		if page, err := f.Propose(t.Context(), PullRequest{Branch: "davit/release-main", Base: "main", Title: "two", Body: "b"}); err != nil || !strings.HasSuffix(page, "/request/2") {
			t.Errorf("%s: after it was closed %q, %v", kind, page, err)
		}
	}
}

func TestRights(t *testing.T) {
	for _, kind := range []string{"github", "gitlab"} {
		h := forgetest.New(t)
		if err := open(t, h, kind, "token").CheckPush(t.Context(), "release/1.x"); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		h.MayPush = false
		if err := open(t, h, kind, "token").CheckPush(t.Context(), "release/1.x"); davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("%s without the right: %v", kind, err)
		}
		err := open(t, h, kind, "wrong-secret").CheckPush(t.Context(), "release/1.x")
		if davit.ErrorCode(err) != davit.CodeRefused || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s with a wrong token: %v", kind, err)
		}
		if f := open(t, h, kind, ""); f != nil {
			t.Errorf("%s without a token: %v", kind, f)
		}
		h.Close()
		if err := open(t, h, kind, "token").CheckPush(t.Context(), "release/1.x"); davit.ErrorCode(err) != davit.CodeUnavailable {
			t.Errorf("%s away: %v", kind, err)
		}
	}
}

// TestRightsOfAnInstallation checks that the push decides for the token of a
// workflow, whose right the repository's permissions do not tell.
func TestRightsOfAnInstallation(t *testing.T) {
	h := forgetest.New(t)
	h.MayPush, h.App = false, true
	if err := open(t, h, "github", "token").CheckPush(t.Context(), "release/1.x"); err != nil {
		t.Errorf("error %v", err)
	}
	h.Bypass = "never"
	if err := open(t, h, "github", "token").CheckPush(t.Context(), "release/1.x"); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("with a ruleset in the way: %v", err)
	}
}

func TestProtectedBranch(t *testing.T) {
	for _, kind := range []string{"github", "gitlab"} {
		h := forgetest.New(t)
		for bypass, want := range map[string]davit.Code{"": "", "always": "", "never": davit.CodeRefused} {
			h.Bypass = bypass
			err := open(t, h, kind, "token").CheckPush(t.Context(), "release/1.x")
			if err == nil && want == "" {
				continue
			}
			if davit.ErrorCode(err) != want || !strings.Contains(err.Error(), "release/1.x is protected") {
				t.Errorf("%s, bypass %q: %v", kind, bypass, err)
			}
		}
		if err := open(t, h, kind, "token").CheckPush(t.Context(), "new"); err != nil {
			t.Errorf("%s, a branch without rules: %v", kind, err)
		}
	}
}
