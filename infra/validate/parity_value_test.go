package validate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A property is one that counts, as each language has it.
type property struct {
	name           string
	terraform, arm func(map[string]any) any
}

// same reads "admin_enabled = properties.adminUserEnabled": a path in the plan
// and one in what Bicep asks for. A path goes through objects by name, through
// lists by number or, with *, through each item; +a.b joins what two paths have
// with a low line. A ! before a path turns it around.
func same(pairs ...string) []property {
	var all []property
	for _, pair := range pairs {
		terraform, arm, ok := strings.Cut(pair, " = ")
		if !ok {
			panic("no pair of paths: " + pair)
		}
		all = append(all, property{pair, reader(terraform), reader(arm)})
	}
	return all
}

func reader(path string) func(map[string]any) any {
	path, turned := strings.CutPrefix(path, "!")
	paths := strings.Split(path, "+")
	return func(of map[string]any) any {
		var words []string
		for _, p := range paths {
			words = append(words, plain(follow(of, strings.Split(p, "."))))
		}
		switch word := strings.Join(words, "_"); {
		case turned && word == "true":
			return "false"
		case turned && (word == "false" || word == "nothing"):
			return "true"
		default:
			return word
		}
	}
}

// follow goes down a path.
func follow(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		// A name may have dots in it: odata.type, and names of children.
		for n := 1; n <= len(path); n++ {
			if below, ok := v[strings.Join(path[:n], ".")]; ok {
				return follow(below, path[n:])
			}
		}
	case []any:
		if path[0] == "*" {
			var all []any
			for _, item := range v {
				all = append(all, follow(item, path[1:]))
			}
			return all
		}
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(v) {
			return follow(v[i], path[1:])
		}
	}
	return nil
}

// plain is a value in a word that is the same for both languages: what is left
// out, null and empty is nothing; Enabled is true; lists have no order.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(v)
	case string:
		switch v {
		case "":
			return "nothing"
		case "Enabled", "enabled":
			return "true"
		case "Disabled", "disabled":
			return "false"
		}
		return v
	case []any:
		var words []string
		for _, item := range v {
			if word := plain(item); word != "nothing" {
				words = append(words, word)
			}
		}
		if len(words) == 0 {
			return "nothing"
		}
		slices.Sort(words)
		return strings.Join(words, " ")
	case float64: // as JSON has numbers
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// object and list are a value, or nothing where it is something else.
func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
