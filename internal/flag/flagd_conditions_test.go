package flag_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/davit-dev/davit/internal/flag"
)

// TestConditionsAsFlagd compares conditions that become rules with flagd's, over
// values of all sorts.
func TestConditionsAsFlagd(t *testing.T) {
	o := startOracle(t)
	var contexts []map[string]any
	for _, v := range []any{
		"pro", "prof", "a pro", "5", "1", "true", "", 5.0, 1.0, 0.0, -3.5, true, false, nil, []any{"pro", 5.0}, []any{},
		"1.2.3", "v1.2.9", "1.3.0", "1.2.0-rc.1", "1.2", "2", "2.0.0-rc.1", "1.2.3.4", 1.2,
	} {
		contexts = append(contexts, map[string]any{"v": v})
	}
	contexts = append(contexts, map[string]any{})
	conditions := []string{`{"===": [{"var": "v"}, null]}`, `{"!==": [null, {"var": "v"}]}`, `{"in": [{"var": "v"}, ["pro", 5, true]]}`, `{"in": ["pro", {"var": "v"}]}`}
	for _, fixed := range []string{`"pro"`, `"5"`, `"1"`, `5`, `1`, `true`, `-3.5`} {
		conditions = append(conditions, fmt.Sprintf(`{"==": [{"var": "v"}, %s]}`, fixed), fmt.Sprintf(`{"!": {"!=": [%s, {"var": "v"}]}}`, fixed), fmt.Sprintf(`{"===": [{"var": "v"}, %s]}`, fixed))
	}
	for _, affix := range []string{"starts_with", "ends_with"} {
		conditions = append(conditions, fmt.Sprintf(`{"%s": [{"var": "v"}, "pro"]}`, affix), fmt.Sprintf(`{"%s": [{"var": "v"}, ""]}`, affix))
	}
	for _, op := range []string{"=", "!=", "<", "<=", ">", ">=", "^", "~"} {
		for _, version := range []string{"1.2.3", "1.2", "v2", "1.2.0-rc.1"} {
			conditions = append(conditions, fmt.Sprintf(`{"sem_ver": [{"var": "v"}, %q, %q]}`, op, version))
		}
	}
	failed := 0
	for _, condition := range conditions {
		definition := []byte(`{"flags": {"f": {"state": "ENABLED", "variants": {"yes": 1, "no": 0}, "targeting": {"if": [` + condition + `, "yes", "no"]}}}}`)
		imported, err := flag.ImportFlagd("production", definition)
		if err != nil || len(imported.Advanced) > 0 {
			t.Errorf("%s: %v, %+v", condition, err, imported)
			continue
		}
		s := compile(t, imported.Flags)
		for i, theirs := range o.ask(t, definition, "f", contexts, false) {
			if theirs.failed() {
				failed++
				continue
			}
			ctx, err := flag.NewContext(contexts[i], at)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Evaluate("f", ctx); got.Variant != theirs[0].Variant {
				said, _ := json.Marshal(contexts[i])
				t.Errorf("%s of %s is %s, and %s for flagd", condition, said, got.Variant, theirs[0].Variant)
			}
		}
	}
	if all := len(conditions) * len(contexts); failed > all/4 {
		t.Errorf("flagd-core fails %d of %d evaluations", failed, all)
	}
}
