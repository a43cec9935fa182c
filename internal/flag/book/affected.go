package book

import (
	"bytes"
	"maps"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// affected counts, by environment, the contexts whose answer differs: those of an
// edit or, when it has none, those that were seen lately.
func (b *Book) affected(e davit.FlagEdit, before, after *application, now time.Time) (map[string]davit.FlagAffected, error) {
	given := make([]*flag.Context, 0, len(e.Contexts))
	for _, attributes := range e.Contexts {
		c, err := flag.NewContext(attributes, now)
		if err != nil {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: "a context is not valid", Err: err}
		}
		given = append(given, c)
	}
	counts := map[string]davit.FlagAffected{}
	// One that only the flag names is among one of the two alone.
	names := maps.Clone(before.views)
	maps.Copy(names, after.views)
	for name := range names {
		if name == "" || e.Scope != nil && name != e.Scope.Environment {
			continue
		}
		contexts := given
		if len(contexts) == 0 && b.Recent != nil {
			contexts = b.Recent(e.Application, name, now)
		}
		if len(contexts) == 0 {
			continue
		}
		was, is := before.view(name), after.view(name)
		count := davit.FlagAffected{Contexts: len(contexts)}
		for _, c := range contexts {
			if !same(answer(was.Snapshot, e.Key, c), answer(is.Snapshot, e.Key, c)) {
				count.Changed++
			}
		}
		counts[name] = count
	}
	return counts, nil
}

// view returns the flags of an environment; of none in particular when nothing is said
// about it.
func (a *application) view(environment string) *View {
	if view := a.views[environment]; view != nil {
		return view
	}
	return a.views[""]
}

// answer evaluates a flag; none without a snapshot.
func answer(s *flag.Snapshot, key string, c *flag.Context) flag.Result {
	if s == nil {
		return flag.Result{}
	}
	return s.Evaluate(key, c)
}

// same reports whether applications get the same value.
func same(a, b flag.Result) bool { return bytes.Equal(a.Value, b.Value) }
