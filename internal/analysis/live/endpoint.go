package live

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// endpoint counts by a URL that answers with JSON, once for each release if the
// URL names it.
type endpoint struct {
	params            davit.AnalysisParams
	stable, candidate davit.ReleaseID
	client            *http.Client
}

func newEndpoint(p davit.AnalysisParams, s Subject, client *http.Client) *endpoint {
	return &endpoint{params: p, stable: s.stable(), candidate: s.Release.ID, client: client}
}

// Lacks returns "": an error of Read says what is missing.
func (e *endpoint) Lacks() string { return "" }

func (e *endpoint) Every() time.Duration { return period(e.params.Source) }

func (e *endpoint) String() string { return redacted(e.params.Source.JSON) }

func (e *endpoint) Read(ctx context.Context) (analysis.Look, error) {
	answers := map[string]any{}
	for _, id := range []davit.ReleaseID{e.stable, e.candidate} {
		address := e.address(id)
		if _, asked := answers[address]; asked || id == "" {
			continue
		}
		var answer any
		if err := getJSON(ctx, e.client, address, &answer); err != nil {
			return analysis.Look{}, err
		}
		answers[address] = answer
	}
	return readBoth(ctx, e.params, e.stable, e.candidate, func(_ context.Context, id davit.ReleaseID, pointer string) (float64, error) {
		return numberAt(answers[e.address(id)], forRelease(pointer, id))
	})
}

func (e *endpoint) address(id davit.ReleaseID) string {
	return strings.NewReplacer("{{release}}", url.QueryEscape(string(id)), "{{version}}", url.QueryEscape(id.Short())).Replace(e.params.Source.JSON)
}

// numberAt returns the number at a JSON pointer (RFC 6901).
func numberAt(value any, pointer string) (float64, error) {
	if pointer != "" && pointer[0] != '/' {
		return 0, fmt.Errorf("a JSON pointer begins with /")
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = unescape.Replace(token)
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return 0, errNothing
			}
			value = v[i]
		default:
			return 0, errNothing
		}
	}
	switch v := value.(type) {
	case nil:
		return 0, errNothing
	case float64:
		return v, nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return 0, err
	}
	const start = 40
	return 0, fmt.Errorf("%.*s is no number", start, text)
}
