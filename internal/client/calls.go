package client

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

// Version returns which server answers.
func (c *Client) Version(ctx context.Context) (*api.Version, error) {
	return call[api.Version](ctx, c, http.MethodGet, "/v1/version", nil)
}

// Environments returns all environments that the server knows.
func (c *Client) Environments(ctx context.Context) ([]*davit.Environment, error) {
	list, err := call[api.EnvironmentList](ctx, c, http.MethodGet, "/v1/environments", nil)
	if err != nil {
		return nil, err
	}
	return list.Environments, nil
}

// Status returns how an environment is.
func (c *Client) Status(ctx context.Context, application, environment string) (*engine.Status, error) {
	return call[engine.Status](ctx, c, http.MethodGet, place(application, environment), nil)
}

// Plan returns what a deployment would do.
func (c *Client) Plan(ctx context.Context, application, environment string, d api.Deployment) (*engine.Proposal, error) {
	return call[engine.Proposal](ctx, c, http.MethodPost, place(application, environment)+"/plan", d)
}

// Deploy begins to roll out a release.
func (c *Client) Deploy(ctx context.Context, application, environment string, d api.Deployment) (*engine.Proposal, error) {
	return call[engine.Proposal](ctx, c, http.MethodPost, place(application, environment)+"/rollouts", d)
}

// Rollback begins to go back to an earlier release.
func (c *Client) Rollback(ctx context.Context, application, environment string, r api.Rollback) (*davit.Rollout, error) {
	return call[davit.Rollout](ctx, c, http.MethodPost, place(application, environment)+"/rollback", r)
}

// Down begins to take the environment down.
func (c *Client) Down(ctx context.Context, application, environment string, d api.Down) (*davit.Rollout, error) {
	return call[davit.Rollout](ctx, c, http.MethodPost, place(application, environment)+"/down", d)
}

// Command speaks to the rollout under way and returns it.
func (c *Client) Command(ctx context.Context, application, environment string, cmd api.Command) (*davit.Rollout, error) {
	return call[davit.Rollout](ctx, c, http.MethodPost, place(application, environment)+"/command", cmd)
}

// Rollout returns a rollout.
func (c *Client) Rollout(ctx context.Context, id string) (*davit.Rollout, error) {
	return call[davit.Rollout](ctx, c, http.MethodGet, "/v1/rollouts/"+url.PathEscape(id), nil)
}

// History returns the rollouts of an environment, newest first.
func (c *Client) History(ctx context.Context, application, environment string, limit int) ([]*davit.Rollout, error) {
	list, err := call[api.RolloutList](ctx, c, http.MethodGet, place(application, environment)+"/rollouts?limit="+strconv.Itoa(limit), nil)
	if err != nil {
		return nil, err
	}
	return list.Rollouts, nil
}

// Audit returns entries of the audit log that the filter chooses, oldest first.
func (c *Client) Audit(ctx context.Context, f davit.AuditFilter) ([]davit.AuditEntry, error) {
	q := url.Values{}
	for name, value := range map[string]string{"application": f.Application, "environment": f.Environment, "rollout": f.Rollout, "release": string(f.Release)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	q.Set("from", strconv.FormatInt(f.From, 10))
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	list, err := call[api.AuditList](ctx, c, http.MethodGet, "/v1/audit?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return list.Entries, nil
}

// RecordRelease has a release of a repository recorded in the audit log, and
// reports whether the log lacked it.
func (c *Client) RecordRelease(ctx context.Context, r api.Released) (added bool, err error) {
	recorded, err := call[api.Recorded](ctx, c, http.MethodPost, "/v1/released", r)
	if err != nil {
		return false, err
	}
	return recorded.Added, nil
}

// AuditExport writes the whole audit log to w. Of a log that could not be read
// to its end an error tells.
func (c *Client) AuditExport(ctx context.Context, w io.Writer) error {
	return c.copy(ctx, "/v1/audit/export", w)
}

// Backup writes a copy of the server's store to w. Of one that is not whole an
// error tells.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.copy(ctx, "/v1/backup", w)
}

// copy writes an answer to w as it comes.
func (c *Client) copy(ctx context.Context, path string, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if _, err := io.Copy(w, resp.Body); err != nil {
		if _, local := errors.AsType[*fs.PathError](err); local { // w is a file that cannot be written
			return err
		}
		return c.broken(err)
	}
	return nil
}

// Upgrade has the server put another program in its place. It returns when that
// is prepared to take over, or when it cannot.
func (c *Client) Upgrade(ctx context.Context, u api.Upgrade) (*api.UpgradeStatus, error) {
	return call[api.UpgradeStatus](ctx, c, http.MethodPost, "/v1/upgrade", u)
}

// UpgradeStatus tells how the last upgrade of the server goes.
func (c *Client) UpgradeStatus(ctx context.Context) (*api.UpgradeStatus, error) {
	return call[api.UpgradeStatus](ctx, c, http.MethodGet, "/v1/upgrade", nil)
}

// AuditCheckpoint returns the latest checkpoint of the audit log.
func (c *Client) AuditCheckpoint(ctx context.Context) ([]byte, error) {
	resp, err := c.send(ctx, http.MethodGet, "/v1/audit/checkpoint", nil, nil)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return text, errors.Join(err, resp.Body.Close())
}

func place(application, environment string) string {
	return "/v1/environments/" + url.PathEscape(application) + "/" + url.PathEscape(environment)
}

func call[T any](ctx context.Context, c *Client, method, path string, in any) (*T, error) {
	var out T
	if err := c.do(ctx, method, path, in, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
