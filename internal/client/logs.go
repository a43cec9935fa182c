package client

import (
	"bufio"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/davit-dev/davit/internal/api"
)

// Logs yields the lines that an environment's instances wrote. It ends with the
// first error, or when ctx ends.
func (c *Client) Logs(ctx context.Context, q api.LogQuery) iter.Seq2[api.LogLine, error] {
	return func(yield func(api.LogLine, error) bool) {
		params := url.Values{"tail": {strconv.Itoa(q.Tail)}, "follow": {strconv.FormatBool(q.Follow)}}
		if q.Service != "" {
			params.Set("service", q.Service)
		}
		if q.Release != "" {
			params.Set("release", q.Release)
		}
		resp, err := c.send(ctx, http.MethodGet, place(q.Application, q.Environment)+"/logs?"+params.Encode(), nil, nil)
		if err != nil {
			yield(api.LogLine{}, err)
			return
		}
		defer resp.Body.Close() //nolint:errcheck // streams end by being closed
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(make([]byte, 0, 64<<10), maxLine)
		for lines.Scan() {
			line, err := decodeLogLine(lines.Bytes())
			if !yield(line, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil && ctx.Err() == nil {
			yield(api.LogLine{}, c.broken(err))
		}
	}
}

// decodeLogLine reads a line of a log stream: a log line, or why it ends.
func decodeLogLine(text []byte) (api.LogLine, error) {
	var line struct {
		api.LogLine
		api.LogEnd
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return api.LogLine{}, err
	}
	if line.Error != nil {
		return api.LogLine{}, line.Error.Err()
	}
	return line.LogLine, nil
}
