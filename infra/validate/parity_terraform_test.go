package validate

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ofTerraform is what a plan declares.
func ofTerraform(t *testing.T, p Plan) declared {
	t.Helper()
	all := declared{}
	for _, r := range resolve(t, p) {
		i := slices.IndexFunc(pairs, func(p pair) bool { return p.azurerm == r.Type })
		if i < 0 {
			t.Errorf("%s: no type of Azure is paired with %s", r.Address, r.Type)
			continue
		}
		name := plain(r.Values["name"])
		if pairs[i].key != nil {
			name = pairs[i].key(r.Values)
		}
		said := map[string]string{}
		for _, property := range pairs[i].properties {
			said[property.name] = plain(property.terraform(r.Values))
		}
		common(said, r.Values)
		all.add(t, key(pairs[i].arm, r.Module, name), r.Address, said)
	}
	return all
}

func key(arm, module, name string) string {
	if module == "" {
		module = "the root"
	}
	return arm + " in " + module + ", " + name
}

// common adds what must be the same for resources of all types.
func common(said map[string]string, of map[string]any) {
	tags := maps.Clone(object(of["tags"]))
	if tags == nil { // a pool of nodes has them elsewhere in Azure
		tags = maps.Clone(object(follow(of, []string{"properties", "tags"})))
	}
	delete(tags, "managed_by") // says which language it was
	if len(tags) > 0 {
		var words []any
		for k, v := range tags {
			words = append(words, k+"="+plain(v))
		}
		said["tags"] = plain(words)
	}
}

// of reads a key out of what is said of a resource: words, and paths between braces.
func of(words string) func(map[string]any) string {
	return func(values map[string]any) string {
		return inBraces.ReplaceAllStringFunc(words, func(p string) string {
			return plain(follow(values, strings.Split(p[1:len(p)-1], ".")))
		})
	}
}

var inBraces = regexp.MustCompile(`\{[^}]+\}`)
