package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// Segments lists the segments that an application's flags share, by key.
func (c *Client) Segments(ctx context.Context, application string) ([]davit.SegmentRecord, error) {
	return pages(func(after string) ([]davit.SegmentRecord, string, error) {
		list, err := call[api.SegmentList](ctx, c, http.MethodGet, "/v1/flagsegments/"+url.PathEscape(application)+pageQuery(after), nil)
		if err != nil {
			return nil, "", err
		}
		return list.Segments, list.Next, nil
	})
}

// SegmentHistory lists the changes of a segment, newest first, limit at most.
func (c *Client) SegmentHistory(ctx context.Context, application, key string, limit int) ([]davit.SegmentRecord, error) {
	path := "/v1/flagsegments/" + url.PathEscape(application) + "/" + url.PathEscape(key) + "/history?limit=" + strconv.Itoa(limit)
	list, err := call[api.SegmentHistory](ctx, c, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return list.Records, nil
}

// PutSegment makes a segment, or replaces it as a whole.
func (c *Client) PutSegment(ctx context.Context, application string, s davit.Segment, comment string, change FlagChange) (*davit.SegmentOutcome, error) {
	return c.changeSegment(ctx, http.MethodPut, application, s.Key, s, comment, change)
}

// DeleteSegment removes a segment that no flag names; its history stays.
func (c *Client) DeleteSegment(ctx context.Context, application, key, comment string, change FlagChange) (*davit.SegmentOutcome, error) {
	return c.changeSegment(ctx, http.MethodDelete, application, key, nil, comment, change)
}

func (c *Client) changeSegment(ctx context.Context, method, application, key string, in any, comment string, change FlagChange) (*davit.SegmentOutcome, error) {
	header := http.Header{"If-Match": {"*"}}
	if change.Revision > 0 {
		header.Set("If-Match", strconv.Quote(strconv.FormatInt(change.Revision, 10)))
	}
	q := url.Values{"comment": {comment}, "dryRun": {strconv.FormatBool(change.DryRun)}}
	resp, err := c.send(ctx, method, "/v1/flagsegments/"+url.PathEscape(application)+"/"+url.PathEscape(key)+"?"+q.Encode(), in, header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	var out davit.SegmentOutcome
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return nil, c.broken(err)
	}
	return &out, nil
}
