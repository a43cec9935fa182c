// Package forge publishes releases and keeps pull requests on GitHub and
// GitLab, on their own hosts or a company's, through their HTTP APIs. Every
// operation looks at what is there first, so that it can be repeated.
package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// Release is a release as a forge shows it.
type Release struct {
	Tag        string
	Notes      string // Markdown
	PreRelease bool
	Latest     bool     // no higher version is released
	Assets     []string // files to attach
}

// PullRequest asks to merge a branch.
type PullRequest struct {
	Branch, Base string
	Title, Body  string
}

// client speaks JSON with an API.
type client struct {
	name   string // of the forge, for errors
	base   string // without a slash at the end
	header http.Header
	http   *http.Client
}

func newClient(name, base, header, token string) *client {
	return &client{name, strings.TrimSuffix(base, "/"), http.Header{header: {token}}, &http.Client{Timeout: 5 * time.Minute}}
}

// statusError is an answer that is no success.
type statusError struct {
	status  int
	message string
}

func (e *statusError) Error() string { return fmt.Sprintf("it answered %d: %s", e.status, e.message) }

func isStatus(err error, status int) bool {
	e, ok := errors.AsType[*statusError](err)
	return ok && e.status == status
}

// call sends in as JSON, unless it is nil, and decodes the answer into out,
// unless that is nil.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("writing a request to %s: %w", c.name, err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("asking %s: %w", c.name, err)
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.send(request, out)
}

// upload sends a file.
func (c *client) upload(ctx context.Context, method, address, file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading an asset: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading an asset: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, io.NopCloser(f))
	if err != nil {
		return fmt.Errorf("uploading to %s: %w", c.name, err)
	}
	request.ContentLength = info.Size()
	request.Header.Set("Content-Type", "application/octet-stream")
	return c.send(request, nil)
}

func (c *client) send(request *http.Request, out any) (err error) {
	for name, values := range c.header {
		request.Header[name] = values
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "davit")
	response, err := c.http.Do(request)
	if err != nil {
		return &davit.Error{Code: davit.CodeUnavailable, Message: "cannot reach " + c.name, Hint: "run the command again: it goes on where it stopped", Err: err}
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", c.name, err)
	}
	if response.StatusCode >= 300 {
		return c.refusal(response.StatusCode, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", c.name, err)
	}
	return nil
}

func (c *client) refusal(status int, body []byte) error {
	var said struct {
		Message json.RawMessage `json:"message"`
		Error   string          `json:"error"`
	}
	message := http.StatusText(status)
	if json.Unmarshal(body, &said) == nil && (len(said.Message) > 0 || said.Error != "") {
		message = strings.Trim(string(said.Message)+said.Error, `"`)
	}
	err := &statusError{status, message}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return &davit.Error{
			Code: davit.CodeRefused, Message: c.name + " does not let this token do that", Err: err,
			Hint: "give the token the right to write contents and pull requests (GitHub: permissions: contents: write, pull-requests: write; GitLab: scope api)",
		}
	}
	return err
}

// Open returns the client of a kind of forge, "github" or "gitlab". api is the
// root of its API; "" derives it from the host of the repository. The token is
// taken from the environment as the forges' CI names it; without one Open
// returns nil.
func Open(kind, api, host, repository string, getenv func(string) string) Forge {
	switch kind {
	case "github":
		token := first(getenv, "GITHUB_TOKEN", "GH_TOKEN")
		if api == "" {
			api = "https://" + host + "/api/v3"
			if host == "github.com" {
				api = "https://api.github.com"
			}
		}
		if token != "" {
			return &GitHub{newClient("GitHub", api, "Authorization", "Bearer "+token), "/repos/" + repository, repository}
		}
	case "gitlab":
		header, token := "Private-Token", first(getenv, "GITLAB_TOKEN", "GL_TOKEN")
		if token == "" {
			header, token = "Job-Token", getenv("CI_JOB_TOKEN")
		}
		if api == "" {
			api = "https://" + host + "/api/v4"
		}
		if token != "" {
			return &GitLab{newClient("GitLab", api, header, token), "/projects/" + url.PathEscape(repository)}
		}
	}
	return nil
}

// Forge is what both kinds of forge can do.
type Forge interface {
	// CheckPush returns an error when the token may not push to a branch, as far
	// as the forge tells.
	CheckPush(ctx context.Context, branch string) error
	// Published returns the page of a tag's release, and whether it is there,
	// whole.
	Published(ctx context.Context, tag string) (page string, there bool, err error)
	// Publish makes the release of a tag that exists, or completes what an
	// earlier run left, and returns its page. One that is published stays as
	// it is, as people may have edited it.
	Publish(ctx context.Context, r Release) (page string, err error)
	// Propose opens a pull request, or updates the open one of the branch when
	// it says something else, and returns its page.
	Propose(ctx context.Context, p PullRequest) (page string, err error)
	// Withdraw closes the open pull request of a branch, and reports whether
	// there was one.
	Withdraw(ctx context.Context, branch, base string) (closed bool, err error)
}

func first(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}
