package validation

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/davit-dev/davit"
)

// fieldParams say where the application tells something about itself.
type fieldParams struct {
	Path  string `json:"path"`
	Field string `json:"field"` // JSONPath
}

func (p *fieldParams) check() error {
	if err := checkPath(p.Path); err != nil {
		return err
	}
	_, err := parsePath(p.Field)
	return err
}

// identityVersion compares what the application says of itself with what was
// deployed: a deployment that changed nothing looks healthy.
func identityVersion() []Check {
	return []Check{
		define(Check{
			ID: "identity.version", Category: Identity, Severity: davit.Required,
			Proves: "the version that answers is the one that was deployed, on every instance",
			Hint:   "what runs was built of something else, or the version is stamped in elsewhere: set with: {path: …, field: …}",
		}, fieldParams{"/version", "$.version"}, func(ctx context.Context, x *exam, p fieldParams) error {
			if x.Version == "" {
				return skip("nothing says which version should answer: give --version")
			}
			return told(ctx, x, p, x.Version)
		}),
		define(Check{
			ID: "identity.release", Category: Identity, Severity: davit.Required,
			Proves: "the instances run the very release: artifacts and configuration are pinned by its ID",
			Hint:   "tell the variable DAVIT_RELEASE under /version",
		}, fieldParams{"/version", "$.release"}, func(ctx context.Context, x *exam, p fieldParams) error {
			if x.Release == nil {
				return skip("a URL alone does not tell which release it should be")
			}
			return told(ctx, x, p, string(x.Release.ID))
		}),
		define(Check{
			ID: "identity.configuration", Category: Identity, Severity: davit.Required,
			Proves: "the configuration that the instances run with has the release's hash",
			Hint:   "tell the variable DAVIT_CONFIG_HASH under /version",
		}, fieldParams{"/version", "$.configuration"}, func(ctx context.Context, x *exam, p fieldParams) error {
			if x.Release == nil {
				return skip("a URL alone does not tell which configuration it should be")
			}
			return told(ctx, x, p, x.Release.ConfigHash)
		}),
		define(Check{
			ID: "identity.consistent", Category: Identity, Severity: davit.Required,
			Proves: "whoever answers behind the address is of one version",
			Hint:   "an instance of another release is left behind the address: davit status",
		}, consistentParams{fieldParams{"/version", "$.version"}, 12}, consistent),
	}
}

// told asks everywhere for the field. Where it is only a guess that there is
// one, its absence says nothing.
func told(ctx context.Context, x *exam, p fieldParams, want string) error {
	places, err := x.everywhere(ctx)
	if err != nil {
		return err
	}
	asked := 0
	for _, at := range places {
		a, value, err := field(ctx, x, at, p)
		if err != nil {
			return err
		}
		if value == nil && !x.configured {
			continue
		}
		asked++
		x.expect(value == any(want), a.asked, fmt.Sprintf("%s is %s", p.Field, valueText(value)), valueText(want))
	}
	if asked == 0 {
		return skip("no %s is told under %s", p.Field, p.Path)
	}
	x.summarize("%s, told %d times", clip(want), asked)
	return nil
}

// field returns what an answer has in the field; nil when it has nothing there.
func field(ctx context.Context, x *exam, at place, p fieldParams) (*answer, any, error) {
	a, err := x.get(ctx, at, p.Path)
	if err != nil || !a.ok() {
		return a, nil, err
	}
	path, err := parsePath(p.Field)
	if err != nil {
		return a, nil, err
	}
	doc, err := a.json()
	if err != nil {
		return a, nil, nil //nolint:nilerr // what is no JSON has no field
	}
	return a, path.First(doc), nil
}

type consistentParams struct {
	fieldParams
	Requests int `json:"requests"`
}

// consistent asks again and again over new connections, so that a balancer has
// to choose each time.
func consistent(ctx context.Context, x *exam, p consistentParams) error {
	seen := map[string]int{}
	path, err := parsePath(p.Field)
	if err != nil {
		return err
	}
	for range max(p.Requests, 2) {
		a, err := x.ask(ctx, x.front(), request{path: p.Path, fresh: true})
		if err != nil {
			return err
		}
		if absent(a) && !x.configured {
			return skip("no version is told under %s", p.Path)
		}
		doc, err := a.json()
		if err != nil && !x.configured {
			return skip("%s tells no JSON", p.Path)
		}
		if err != nil {
			x.expect(false, a.asked, a.String(), "a body of JSON")
			return nil
		}
		seen[valueText(path.First(doc))]++
	}
	versions := slices.Sorted(maps.Keys(seen))
	x.expectf(len(versions) == 1, fmt.Sprintf("%d times GET %s", max(p.Requests, 2), p.Path), "one version", "%q", versions)
	x.summarize("%d answers, all of %s", max(p.Requests, 2), versions[0])
	return nil
}
