package changelog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestInsertAmongOtherToolsHeadings puts a section into changelogs of
// standard-version, semantic-release, conventional-changelog and others.
func TestInsertAmongOtherToolsHeadings(t *testing.T) {
	const section = "## [1.2.0] - D\n\n### Fixed\n\n- z\n"
	tests := []struct {
		name, before, after string
		notes               string // of 1.1.1
	}{
		{
			"standard-version", "# Changelog\n\nAll notable changes.\n\n",
			"### [1.1.1](https://x) (2026-01-01)\n\n\n### Bug Fixes\n\n* y\n\n## [1.1.0](https://x) (2025-12-01)\n\n\n### Features\n\n* x\n", "### Bug Fixes\n\n* y\n",
		},
		{
			"semantic-release", "",
			"## [1.1.1](https://x) (2026-01-01)\n\n\n### Bug Fixes\n\n* y\n\n# [1.1.0](https://x) (2025-12-01)\n\n\n### Features\n\n* x\n", "### Bug Fixes\n\n* y\n",
		},
		{
			"conventional-changelog with anchors", "",
			"<a name=\"1.1.1\"></a>\n## <small>1.1.1 (2026-01-01)</small>\n\n* y\n\n<a name=\"1.1.0\"></a>\n# 1.1.0 (2025-12-01)\n\n* x\n", "* y\n",
		},
		{"with v", "# Changes\n\n", "## v1.1.1\n\n* y\n\n## v1.1.0\n\n* x\n", "* y\n"},
		{"groups on the second level", "", "# 1.1.1 (2026-01-01)\n\n## Fixes\n\n* y\n\n# 1.1.0\n\n* x\n", "## Fixes\n\n* y\n"},
		{"github_changelog_generator", "# Changelog\n\n", "## [v1.1.1](https://x) (2026-01-01)\n\n[Full Changelog](https://x)\n\n## [v1.1.0](https://x)\n", "[Full Changelog](https://x)\n"},
		{"underlined", "Changes\n=======\n\n", "1.1.1 / 2026-01-01\n==================\n\n  * y\n\n1.1.0\n=====\n\n  * x\n", "* y\n"},
		{"a word before", "", "## Version 1.1.1\n\n* y\n\n## Release 1.1.0\n", "* y\n"},
		{"text of its own first", "# C\n\n## About this file\n\n- x\n\n", "## 1.1.1\n\n* y\n\n### 1.0.0 compatibility\n\n* z\n\n## Older\n", "* y\n\n### 1.0.0 compatibility\n\n* z\n"},
		{"two numbers", "", "## 1.1.1\n\n* y\n\n## 1.1\n\n* x\n", "* y\n"},
		{"build metadata", "", "## 1.1.1+linux\n\n* x\n\n## 1.1.1\n\n* y\n", "* y\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			existing := tt.before + tt.after
			got := Insert(existing, Header, section, Section{Version: "1.2.0"})
			if diff := cmp.Diff(tt.before+section+"\n"+tt.after, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			notes, ok := Notes(existing, "1.1.1")
			if diff := cmp.Diff(tt.notes, notes); diff != "" || !ok {
				t.Errorf("notes of 1.1.1 (-want +got):\n%s", diff)
			}
			if again := Insert(existing, Header, "## [1.1.1] - D\n", Section{Version: "1.1.1"}); again != existing {
				t.Errorf("1.1.1 is there and comes again:\n%s", again)
			}
		})
	}
}

// TestMergeWithUnreleased puts sections below what people wrote.
func TestMergeWithUnreleased(t *testing.T) {
	const added, fixed = "### Added\n\n- new\n", "### Fixed\n\n- z\n"
	const breaking = "### Breaking changes\n\n- drop v1\n\n  use v2\n\n"
	tests := []struct{ name, written, generated, want string }{
		{"the same heading", "\n### Added\n\n- mine\n\n", added, "\n### Added\n\n- mine\n- new\n\n"},
		{"written without blank lines", "### added\n- mine\n### Removed\n- old\n", added + "\n" + fixed, "### added\n- mine\n- new\n\n### Removed\n- old\n\n" + fixed + "\n"},
		{"other bullets", "\n### Added\n\n* mine\n\n", added, "\n### Added\n\n* mine\n\n- new\n\n"},
		{"a paragraph", "\n### Added\n\nMuch.\n\n", added, "\n### Added\n\nMuch.\n\n- new\n\n"},
		{"an item of several lines", "\n### Added\n\n- mine\n  and more\n\n", added, "\n### Added\n\n- mine\n  and more\n- new\n\n"},
		{"breaking first", "\nA word.\n\n### Fixed\n\n- mine\n\n", breaking + added + "\n" + fixed, "\nA word.\n\n" + breaking + "### Fixed\n\n- mine\n- z\n\n" + added + "\n"},
		{"breaking right below", "\n### Added\n\n- mine\n\n", breaking + fixed, "\n" + breaking + "### Added\n\n- mine\n\n" + fixed + "\n"},
		{"breaking below blank lines", "\n\n\n### Added\n\n- mine\n\n", breaking, "\n\n\n" + breaking + "### Added\n\n- mine\n\n"},
		{"contributors last", "\n### Added\n\n- mine\n\n### Removed\n\n- old\n\n", added + "\nContributors: Ada\n", "\n### Added\n\n- mine\n- new\n\n### Removed\n\n- old\n\nContributors: Ada\n\n"},
		{"no headings", "\n- mine\n\n", breaking + fixed, "\n- mine\n\n" + breaking + fixed + "\n"},
		{"a heading in a fence", "\n### Fixed\n\n```\n### Added\n```\n\n", added, "\n### Fixed\n\n```\n### Added\n```\n\n" + added + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, end := range []string{"\n", "\r\n"} {
				with := func(text string) string { return strings.ReplaceAll(text, "\n", end) }
				existing := with("# C\n\n## [Unreleased]\n" + tt.written + "## 1.1.0\n")
				want := with("# C\n\n## [Unreleased]\n\n## [1.2.0] - D\n" + tt.want + "## 1.1.0\n")
				got := Insert(existing, Header, "## [1.2.0] - D\n\n"+tt.generated, Section{Version: "1.2.0"})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q (-want +got):\n%s", end, diff)
				}
			}
		})
	}
}

// TestInsertKeepsEveryByte checks that whatever a changelog holds, all of it is
// still there, in order, after a section was put in: in one place, unless people
// wrote under Unreleased.
func TestInsertKeepsEveryByte(t *testing.T) {
	section := render(t, example())
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.SampledFrom([]string{
			"", "# Changelog", "## [Unreleased]", "## 1.0.0", "## [0.9.0] - 2020-01-01", "# [0.8.0](https://x) (2019-01-01)", "### [0.7.1](https://x)",
			"<a name=\"0.6.0\"></a>", "0.5.0 / 2018-01-01", "=====", "- x", "* y", "  z", "```", "~~~~", "text\t ", "[1.0.0]: https://x", "### Added", "### Fixed", "\r",
		})).Draw(t, "lines")
		existing := strings.Join(lines, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
		if strings.TrimSpace(existing) == "" {
			return
		}
		got := Insert(existing, Header, section, example())
		rest := got
		for _, line := range strings.SplitAfter(existing, "\n") {
			_, after, ok := strings.Cut(rest, line)
			if !ok {
				t.Fatalf("%q lost %q: %q", existing, line, got)
			}
			rest = after
		}
		if !strings.Contains(existing, "Unreleased") {
			if same := commonPrefix(existing, got) + commonSuffix(existing, got); same < len(existing) {
				t.Fatalf("%q is changed in more than one place: %q", existing, got)
			}
		}
		for _, added := range strings.FieldsFunc(section, func(c rune) bool { return c == '\n' }) {
			if strings.Count(got, added) <= strings.Count(existing, added) && !strings.HasPrefix(added, "### ") {
				t.Fatalf("%q got no %q: %q", existing, added, got)
			}
		}
		if date := Date(got, "1.2.0"); date != "2026-01-02" {
			t.Fatalf("%q: the section's date is read as %q in %q", existing, date, got)
		}
		if again := Insert(got, Header, section, example()); again != got {
			t.Fatalf("%q changes again: %q", got, again)
		}
	})
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
