package conventional

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSpecification has a test for every rule of Conventional Commits 1.0.0.
func TestSpecification(t *testing.T) {
	tests := []struct {
		rule     int
		name     string
		message  string
		want     Commit
		breaking []string
	}{
		{1, "type, colon, space", "feat: add x", Commit{Type: "feat", Description: "add x"}, nil},
		{1, "type, scope, bang", "feat(api)!: add x", Commit{Type: "feat", Scope: "api", Bang: true, Description: "add x"}, []string{"add x"}},
		{2, "feature", "feat: allow config to extend", Commit{Type: "feat", Description: "allow config to extend"}, nil},
		{3, "fix", "fix: array parsing", Commit{Type: "fix", Description: "array parsing"}, nil},
		{4, "scope", "fix(parser): x", Commit{Type: "fix", Scope: "parser", Description: "x"}, nil},
		{4, "scope with slashes", "fix(api/v2/users): x", Commit{Type: "fix", Scope: "api/v2/users", Description: "x"}, nil},
		{5, "the first colon ends the prefix", "docs: say hello!: world", Commit{Type: "docs", Description: "say hello!: world"}, nil},
		{6, "body after a blank line", "fix: x\n\nbody", Commit{Type: "fix", Description: "x", Body: "body"}, nil},
		{7, "paragraphs", "fix: x\n\none\ntwo\n\nthree", Commit{Type: "fix", Description: "x", Body: "one\ntwo\n\nthree"}, nil},
		{8, "footers", "fix: x\n\nsee the issue\n\nReviewed-by: Z\nRefs #133", Commit{
			Type: "fix", Description: "x", Body: "see the issue",
			Footers: []Footer{{"Reviewed-by", ": ", "Z"}, {"Refs", " #", "133"}},
		}, nil},
		{8, "footers without a body", "fix: x\n\nReviewed-by: Z", Commit{Type: "fix", Description: "x", Footers: []Footer{{"Reviewed-by", ": ", "Z"}}}, nil},
		{9, "a token has no blanks", "fix: x\n\nAcked by: Z", Commit{Type: "fix", Description: "x", Body: "Acked by: Z"}, nil},
		{9, "but BREAKING CHANGE", "fix: x\n\nBREAKING CHANGE: y", Commit{Type: "fix", Description: "x", Footers: []Footer{{"BREAKING CHANGE", ": ", "y"}}}, []string{"y"}},
		{10, "values have paragraphs", "fix: x\n\nBREAKING CHANGE: y\nz\n\nmore\nRefs: #1\n", Commit{
			Type: "fix", Description: "x",
			Footers: []Footer{{"BREAKING CHANGE", ": ", "y\nz\n\nmore"}, {"Refs", ": ", "#1"}},
		}, []string{"y\nz\n\nmore"}},
		{11, "prefix or footer", "chore!: x\n\nBREAKING CHANGE: y", Commit{
			Type: "chore", Bang: true, Description: "x", Footers: []Footer{{"BREAKING CHANGE", ": ", "y"}},
		}, []string{"y"}},
		{12, "a colon, not a number sign", "fix: x\n\nBREAKING CHANGE #12", Commit{
			Type: "fix", Description: "x", Footers: []Footer{{"BREAKING CHANGE", " #", "12"}},
			Warnings: []Problem{{12, 3, 1, "this is not the footer of a breaking change", "write BREAKING CHANGE: in upper case, a space, and what breaks"}},
		}, nil},
		{13, "the description says what breaks", "feat!: drop x", Commit{Type: "feat", Bang: true, Description: "drop x"}, []string{"drop x"}},
		{14, "other types", "docs: updated ref docs.", Commit{Type: "docs", Description: "updated ref docs."}, nil},
		{14, "unknown types", "prefix: x", Commit{Type: "prefix", Description: "x"}, nil},
		{15, "types in any case", "FEAT(Api): x\n\nreviewed-BY: z", Commit{
			Type: "feat", Scope: "Api", Description: "x", Footers: []Footer{{"reviewed-BY", ": ", "z"}},
		}, nil},
		{15, "BREAKING CHANGE in upper case only", "fix: x\n\nBreaking change: y", Commit{
			Type: "fix", Description: "x", Body: "Breaking change: y",
			Warnings: []Problem{{15, 3, 1, "this is not the footer of a breaking change", "write BREAKING CHANGE: in upper case, a space, and what breaks"}},
		}, nil},
		{16, "BREAKING-CHANGE", "fix: x\n\nBREAKING-CHANGE: y", Commit{Type: "fix", Description: "x", Footers: []Footer{{"BREAKING-CHANGE", ": ", "y"}}}, []string{"y"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.message)
			if err != nil {
				t.Fatalf("rule %d: %v", tt.rule, err)
			}
			tt.want.Line, tt.want.Column = 1, 1
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rule %d: Parse(%q) (-want +got):\n%s", tt.rule, tt.message, diff)
			}
			if diff := cmp.Diff(tt.breaking, got.BreakingNotes()); diff != "" {
				t.Errorf("rule %d: breaking notes (-want +got):\n%s", tt.rule, diff)
			}
		})
	}
}

// TestOffences has a test for every rule that a header can break.
func TestOffences(t *testing.T) {
	tests := []struct {
		message            string
		rule, line, column int
	}{
		{"", 1, 1, 1},
		{"add x", 1, 1, 4},
		{"feat add: x", 1, 1, 5},
		{": x", 1, 1, 1},
		{"(api): x", 1, 1, 1},
		{"feat:x", 1, 1, 6},
		{"feat : x", 1, 1, 5},
		{"feat (api): x", 1, 1, 5},
		{"feat：x", 1, 1, 5},
		{"feat\t: x", 1, 1, 5},
		{"feat:\tx", 1, 1, 6},
		{"https://example.com", 1, 1, 7},
		{"feat(): x", 4, 1, 6},
		{"feat(api: x", 4, 1, 6},
		{"feat(a(b)): x", 4, 1, 7},
		{"feat: ", 5, 1, 6},
		{"feat:", 5, 1, 6},
		{"feat!(api): x", 13, 1, 6},
		{"feat!!: x", 1, 1, 6},
		{"\n\nféat(ü) : x", 1, 3, 8},
		{"🎉 add x", 1, 1, 1},
	}
	for _, tt := range tests {
		_, err := Parse(tt.message)
		problem, ok := errors.AsType[*Problem](err)
		if !ok {
			t.Errorf("Parse(%q): error %v, want a problem", tt.message, err)
			continue
		}
		if problem.Rule != tt.rule || problem.Line != tt.line || problem.Column != tt.column {
			t.Errorf("Parse(%q): %v, want %d:%d rule %d", tt.message, problem, tt.line, tt.column, tt.rule)
		}
		if problem.Hint == "" {
			t.Errorf("Parse(%q): no hint", tt.message)
		}
	}
}

// TestDisagreements has the cases that tools in the field answer differently.
func TestDisagreements(t *testing.T) {
	tests := []struct {
		name, message string
		typ           string
		breaking      bool
		warnings      int
	}{
		{"bang without preset", "feat!: x", "feat", true, 0},
		{"bang in the description", "docs: say hello!: world", "docs", false, 0},
		{"revert of a feature", "revert: feat: x", "revert", false, 0},
		{"in a code fence", "fix: x\n\n```\n\nBREAKING CHANGE: no\n```", "fix", false, 0},
		{"in a tilde fence with text", "fix: x\n\nas in\n~~~~ text\n\nBREAKING CHANGE: no\n~~~\n~~~~\n", "fix", false, 0},
		{"an unclosed fence hides nothing", "fix: x\n\n```\n\nBREAKING CHANGE: yes", "fix", true, 0},
		{"in the middle of a sentence", "fix: x\n\nno BREAKING CHANGE: here", "fix", false, 0},
		{"without a blank line", "fix: x\n\nsome text\nBREAKING CHANGE: y", "fix", false, 1},
		{"right below the header", "fix: x\nBREAKING CHANGE: y", "fix", false, 2},
		{"after another footer", "fix: x\n\nRefs: #1\nBREAKING CHANGE: y", "fix", true, 0},
		{"value on the next line", "fix: x\n\nBREAKING CHANGE:\ny", "fix", true, 1},
		{"without a value", "fix: x\n\nBREAKING CHANGE:", "fix", false, 1},
		{"plural", "fix: x\n\nBREAKING CHANGES: y", "fix", false, 1},
		{"CRLF", "fix: x\r\n\r\nBREAKING CHANGE: y\r\n", "fix", true, 0},
		{"Unicode", "feat(größe): 支持 🎉", "feat", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse(tt.message)
			if err != nil {
				t.Fatal(err)
			}
			if c.Type != tt.typ || c.Breaking() != tt.breaking || len(c.Warnings) != tt.warnings {
				t.Errorf("type %s, breaking %v, warnings %v; want %s, %v, %d warnings", c.Type, c.Breaking(), c.Warnings, tt.typ, tt.breaking, tt.warnings)
			}
		})
	}
}
