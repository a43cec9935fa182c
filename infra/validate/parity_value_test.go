package validate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-dev/davit/infra/validate/bicep"
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
		return called(v)
	case bicep.Runtime:
		return called(string(v))
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

// lates are what is known only when a resource was made, as Terraform and Azure
// call it. A value is said of its resource: principal of userAssignedIdentities/id-x.
var lates = []struct{ azurerm, arm, word string }{
	{".identity.0.principal_id", ".identity.principalId", "own principal"},
	{".principal_id", ".properties.principalId", "principal"},
	{".client_id", ".properties.clientId", "client id"},
	{".oidc_issuer_url", ".properties.oidcIssuerProfile.issuerURL", "issuer"},
}

// called is a text in the words of both languages: a resource's id is its type and
// name, without what it is in.
func called(text string) string {
	if !strings.HasPrefix(text, "/subscriptions/") {
		return text
	}
	for _, late := range lates {
		for _, suffix := range []string{late.azurerm, late.arm} {
			if id, ok := strings.CutSuffix(text, suffix); ok {
				return late.word + " of " + called(id)
			}
		}
	}
	segments := strings.Split(text, "/")
	return strings.Join(segments[len(segments)-2:], "/")
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
