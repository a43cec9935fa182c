package hook

import (
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// known are the values of a hook's secrets.
type known struct {
	variables map[string]string
	url, key  string
}

// secrets resolves the references of a hook. That of a file may have changed
// since the last run, so this is done for each.
func (r *Runner) secrets(p davit.HookParams) (known, error) {
	k := known{url: p.Post}
	var err error
	if k.variables, err = r.Secrets(p.Secrets); err != nil {
		return k, err
	}
	for into, reference := range map[*string]string{&k.url: p.Post, &k.key: p.Key} {
		if !isReference(reference) {
			continue
		}
		values, err := r.Secrets(map[string]string{"": reference})
		if err != nil {
			return k, err
		}
		*into = values[""]
	}
	return k, nil
}

func isReference(s string) bool { return strings.HasPrefix(s, "env:") || strings.HasPrefix(s, "file:") }

// values returns what must not be shown: each value, and each line of one.
func (k known) values() []string {
	var all []string
	for _, value := range slices.Concat(slices.Collect(maps.Values(k.variables)), []string{k.url, k.key}) {
		for _, part := range append(strings.Split(value, "\n"), value) {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the longest first
	return slices.Compact(all)
}
