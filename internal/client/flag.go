package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

// FlagChange is what all changes of a flag may say.
type FlagChange struct {
	// Revision is the one that is changed; 0 for whichever there is.
	Revision int64
	// DryRun changes nothing. Contexts are those whose answers are compared; without
	// any, those that were seen lately.
	DryRun   bool
	Contexts []map[string]any
}

// Flags lists the flags of an application, from the key after a given one on; next
// is empty on the last page.
func (c *Client) Flags(ctx context.Context, application, after string, limit int) (*api.FlagList, error) {
	q := url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}}
	return call[api.FlagList](ctx, c, http.MethodGet, "/v1/flags/"+url.PathEscape(application)+"?"+q.Encode(), nil)
}

// Flag returns a flag.
func (c *Client) Flag(ctx context.Context, application, key string) (*davit.FlagRecord, error) {
	return call[davit.FlagRecord](ctx, c, http.MethodGet, flagPath(application, key), nil)
}

// FlagHistory lists the records of a flag with a revision below before, newest
// first; 0 is from the newest on.
func (c *Client) FlagHistory(ctx context.Context, application, key string, before int64, limit int) (*api.FlagHistory, error) {
	q := url.Values{"before": {strconv.FormatInt(before, 10)}, "limit": {strconv.Itoa(limit)}}
	return call[api.FlagHistory](ctx, c, http.MethodGet, flagPath(application, key)+"/history?"+q.Encode(), nil)
}

// EvaluateFlag tells what somebody gets of a flag, and why.
func (c *Client) EvaluateFlag(ctx context.Context, application, key string, e api.FlagEvaluation) (*api.FlagExplanation, error) {
	return call[api.FlagExplanation](ctx, c, http.MethodPost, flagPath(application, key)+"/evaluate", e)
}

// CreateFlag makes a flag.
func (c *Client) CreateFlag(ctx context.Context, application string, f api.FlagCreation, change FlagChange) (*davit.FlagOutcome, error) {
	f.Contexts = change.Contexts
	return c.changeFlag(ctx, http.MethodPost, "/v1/flags/"+url.PathEscape(application), f, change)
}

// ImportFlags takes flags over, all of them or none.
func (c *Client) ImportFlags(ctx context.Context, application string, i api.FlagImport, dryRun bool) (*api.FlagImported, error) {
	q := url.Values{"dryRun": {strconv.FormatBool(dryRun)}}
	return call[api.FlagImported](ctx, c, http.MethodPatch, "/v1/flags/"+url.PathEscape(application)+"?"+q.Encode(), i)
}

// PutFlag replaces a flag as a whole.
func (c *Client) PutFlag(ctx context.Context, application string, f davit.Flag, comment string, change FlagChange) (*davit.FlagOutcome, error) {
	if change.named() {
		return c.previewFlag(ctx, application, f.Key, api.FlagPreview{Flag: &f}, change)
	}
	return c.changeFlag(ctx, http.MethodPut, flagPath(application, f.Key)+"?comment="+url.QueryEscape(comment), f, change)
}

// PatchFlag changes parts of a flag by a JSON merge patch.
func (c *Client) PatchFlag(ctx context.Context, application, key string, patch json.RawMessage, comment string, change FlagChange) (*davit.FlagOutcome, error) {
	if change.named() {
		return c.previewFlag(ctx, application, key, api.FlagPreview{Patch: patch}, change)
	}
	return c.changeFlag(ctx, http.MethodPatch, flagPath(application, key)+"?comment="+url.QueryEscape(comment), patch, change)
}

// DeleteFlag removes a flag; its history stays.
func (c *Client) DeleteFlag(ctx context.Context, application, key, comment string, change FlagChange) (*davit.FlagOutcome, error) {
	if change.named() {
		return c.previewFlag(ctx, application, key, api.FlagPreview{Delete: true}, change)
	}
	return c.changeFlag(ctx, http.MethodDelete, flagPath(application, key)+"?comment="+url.QueryEscape(comment), nil, change)
}

// InstructFlag changes a flag by intents.
func (c *Client) InstructFlag(ctx context.Context, application, key string, i api.FlagInstructions, change FlagChange) (*davit.FlagOutcome, error) {
	i.Contexts = change.Contexts
	return c.changeFlag(ctx, http.MethodPost, flagPath(application, key)+"/instructions", i, change)
}

// RevertFlag makes a flag say again what it said at a revision.
func (c *Client) RevertFlag(ctx context.Context, application, key string, r api.FlagRevert, change FlagChange) (*davit.FlagOutcome, error) {
	r.Contexts = change.Contexts
	return c.changeFlag(ctx, http.MethodPost, flagPath(application, key)+"/revert", r, change)
}

// RampFlag begins to ramp a flag up.
func (c *Client) RampFlag(ctx context.Context, application, key string, r davit.FlagRamp) (*engine.Proposal, error) {
	return call[engine.Proposal](ctx, c, http.MethodPost, flagPath(application, key)+"/ramps", r)
}

// ReportFlagOutcomes tells how requests went that variants of a flag were served in.
func (c *Client) ReportFlagOutcomes(ctx context.Context, application, key string, o api.FlagOutcomes) error {
	return c.do(ctx, http.MethodPost, flagPath(application, key)+"/outcomes", o, nil)
}

// named reports whether a change is a dry run for users that are named.
func (f FlagChange) named() bool { return f.DryRun && len(f.Contexts) > 0 }

// previewFlag tells what a change would do to users that are named.
func (c *Client) previewFlag(ctx context.Context, application, key string, p api.FlagPreview, change FlagChange) (*davit.FlagOutcome, error) {
	p.Contexts = change.Contexts
	return c.changeFlag(ctx, http.MethodPost, flagPath(application, key)+"/preview", p, FlagChange{Revision: change.Revision})
}

func (c *Client) changeFlag(ctx context.Context, method, path string, in any, change FlagChange) (*davit.FlagOutcome, error) {
	header := http.Header{"If-Match": {"*"}}
	if change.Revision > 0 {
		header.Set("If-Match", strconv.Quote(strconv.FormatInt(change.Revision, 10)))
	}
	if change.DryRun {
		u, err := url.Parse(path)
		if err != nil {
			return nil, err
		}
		q := u.Query()
		q.Set("dryRun", "true")
		u.RawQuery = q.Encode()
		path = u.String()
	}
	resp, err := c.send(ctx, method, path, in, header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	var out davit.FlagOutcome
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return nil, c.broken(err)
	}
	return &out, nil
}

// FlagUsage tells when the flags of an application were last evaluated.
func (c *Client) FlagUsage(ctx context.Context, application string) (*api.FlagUsage, error) {
	return call[api.FlagUsage](ctx, c, http.MethodGet, "/v1/flagusage/"+url.PathEscape(application), nil)
}

// AccessKeys lists the access keys of an application, without their text.
func (c *Client) AccessKeys(ctx context.Context, application string) ([]davit.AccessKey, error) {
	return pages(func(after string) ([]davit.AccessKey, string, error) {
		list, err := call[api.AccessKeyList](ctx, c, http.MethodGet, keysPath(application)+pageQuery(after), nil)
		if err != nil {
			return nil, "", err
		}
		return list.Keys, list.Next, nil
	})
}

// CreateAccessKey makes an access key.
func (c *Client) CreateAccessKey(ctx context.Context, application string, k api.AccessKeyCreation) (*api.NewAccessKey, error) {
	return call[api.NewAccessKey](ctx, c, http.MethodPost, keysPath(application), k)
}

// RotateAccessKey makes an access key in place of another.
func (c *Client) RotateAccessKey(ctx context.Context, application, id string, r api.AccessKeyRotation) (*api.NewAccessKey, error) {
	return call[api.NewAccessKey](ctx, c, http.MethodPost, keysPath(application)+"/"+url.PathEscape(id)+"/rotate", r)
}

// RevokeAccessKey lets an access key expire at once.
func (c *Client) RevokeAccessKey(ctx context.Context, application, id, comment string) (*davit.AccessKey, error) {
	return call[davit.AccessKey](ctx, c, http.MethodDelete, keysPath(application)+"/"+url.PathEscape(id)+"?comment="+url.QueryEscape(comment), nil)
}

// pageMost is how many elements of a list the server gives out at once.
const pageMost = 1000

// pageQuery asks for the page of a list after one that named after as what is next.
func pageQuery(after string) string {
	return "?" + url.Values{"after": {after}, "limit": {strconv.Itoa(pageMost)}}.Encode()
}

// pages returns all elements of a list that is asked for page by page.
func pages[T any](ask func(after string) (page []T, next string, err error)) ([]T, error) {
	all := []T{}
	for after := ""; ; {
		page, next, err := ask(after)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if after = next; after == "" {
			return all, nil
		}
	}
}

func flagPath(application, key string) string {
	return "/v1/flags/" + url.PathEscape(application) + "/" + url.PathEscape(key)
}

func keysPath(application string) string { return "/v1/flagkeys/" + url.PathEscape(application) }
