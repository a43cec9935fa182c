package refs_test

import (
	"context"
	"reflect"
	"testing"
	"testing/fstest"

	"github.com/davit-dev/davit/internal/flag/refs"
)

// TestScan finds keys in calls of several SDKs, and as texts elsewhere.
func TestScan(t *testing.T) {
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"main.go":                 "x := 1\nv, err := client.BooleanValue(ctx, \"checkout-v2\", false, who)\nd, _ := c.StringValueDetails(context.Background(), `gone-go`, \"\", who)\n",
		"web/app.ts":              "await client.getBooleanValue('team/limit', false)\nclient.getNumberDetails<number>(\n  \"gone-js\",\n  1)\nconst { value } = useFlag('gone-react', true)\n",
		"app.py":                  "client.get_boolean_value(flag_key=\"gone-python\", default_value=False)\nname = 'don\\'t' + 'button'\n",
		"Shop.java":               "client.getBooleanValue(\"gone-java\", false);\nString.format(\"nothing\", x); print(\"nothing\", x); f.String(\"nothing\", x)",
		"Shop.cs":                 "await client.GetBooleanValueAsync(\"gone-net\", false);",
		"README.md":               "`unused` and getBooleanValue('doc', false)",
		"node_modules/x/index.js": "getBooleanValue('other', 'unused')",
		".git/x":                  "'unused'",
		"image":                   "\x00'unused'",
		"empty":                   "",
		"open":                    "'unused",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	found, err := refs.Scan(context.Background(), tree, []string{"unused", "checkout-v2", "team/limit", "button"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (map[string][]refs.Place{"checkout-v2": {{"main.go", 2}}, "team/limit": {{"web/app.ts", 1}}, "button": {{"app.py", 2}}}); !reflect.DeepEqual(found.Named, want) {
		t.Errorf("named: %v", found.Named)
	}
	if !reflect.DeepEqual(found.Unnamed, []string{"unused"}) {
		t.Errorf("unnamed: %v", found.Unnamed)
	}
	got := map[string]refs.Place{}
	for _, u := range found.Unknown {
		got[u.Key] = u.Place
	}
	if want := (map[string]refs.Place{"gone-go": {"main.go", 3}, "gone-js": {"web/app.ts", 3}, "gone-react": {"web/app.ts", 5}, "gone-python": {"app.py", 1},
		"gone-java": {"Shop.java", 1}, "gone-net": {"Shop.cs", 1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("unknown: %v", got)
	}
}
