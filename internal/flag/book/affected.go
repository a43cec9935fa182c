package book

import (
	"bytes"
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
	for name, view := range after.views {
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
		was := before.views[name]
		if was == nil {
			was = before.views[""]
		}
		count := davit.FlagAffected{Contexts: len(contexts)}
		for _, c := range contexts {
			if !same(answer(was.Snapshot, e.Key, c), view.Evaluate(e.Key, c)) {
				count.Changed++
			}
		}
		counts[name] = count
	}
	return counts, nil
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
