package changelog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func example() Section {
	return Section{
		Version: "1.2.0", Tag: "v1.2.0", PreviousTag: "v1.1.0", Date: "2026-01-02", Inline: true,
		CompareURL: "https://github.com/o/r/compare/v1.1.0...v1.2.0",
		Breaking:   []Item{{Scope: "api", Text: "drop v1", Hash: "abc", URL: "u", Notes: []string{"use v2\n\nlike this"}}},
		Groups:     []Group{{"Added", []Item{{Text: "x"}, {Scope: "cli", Text: "y", Hash: "def"}}}, {"Fixed", []Item{{Text: "z"}}}},
	}
}

func render(t *testing.T, s Section) string {
	t.Helper()
	template, err := ParseTemplate("")
	if err != nil {
		t.Fatal(err)
	}
	text, err := template.Render(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const rendered = `## [1.2.0](https://github.com/o/r/compare/v1.1.0...v1.2.0) - 2026-01-02

### Breaking changes

- **api:** drop v1 ([abc](u))

  use v2

  like this

### Added

- x
- **cli:** y (def)

### Fixed

- z
`

func TestRender(t *testing.T) {
	if diff := cmp.Diff(rendered, render(t, example())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInsert(t *testing.T) {
	short := Section{Version: "1.2.0", Tag: "v1.2.0", PreviousTag: "v1.1.0", CompareURL: "https://x/compare/v1.1.0...v1.2.0"}
	section := "## [1.2.0] - D\n\n### Fixed\n\n- z\n"
	tests := []struct{ name, existing, want string }{
		{"new", "", Header + "\n" + section},
		{"no release", "# Changelog", "# Changelog\n\n" + section},
		{"on top", "# C\n\n## 1.1.0\n\n- y\n", "# C\n\n" + section + "\n## 1.1.0\n\n- y\n"},
		{"without a line end", "# C\n## 1.1.0\n- y", "# C\n\n" + section + "\n## 1.1.0\n- y"},
		{"CRLF", "# C\r\n\r\n## 1.1.0\r\n", "# C\r\n\r\n" + strings.ReplaceAll(section, "\n", "\r\n") + "\r\n## 1.1.0\r\n"},
		{"empty Unreleased", "# C\n\n## [Unreleased]\n\n## 1.1.0\n", "# C\n\n## [Unreleased]\n\n" + section + "\n## 1.1.0\n"},
		{"only Unreleased", "## Unreleased\n", "## Unreleased\n\n" + section},
		{
			"Unreleased with text", "## [Unreleased]\n\n### Added\n\n- mine\n\n## 1.1.0\n",
			"## [Unreleased]\n\n## [1.2.0] - D\n\n### Added\n\n- mine\n\n### Fixed\n\n- z\n\n## 1.1.0\n",
		},
		{"fenced heading", "# C\n\n```\n## 9.9.9\n```\n\n## 1.1.0\n", "# C\n\n```\n## 9.9.9\n```\n\n" + section + "\n## 1.1.0\n"},
		{"again", "## [1.2.0] - D\n\n- x\n", "## [1.2.0] - D\n\n- x\n"},
		{"a longer version is another", "## [1.2.0-rc.1]\n", section + "\n## [1.2.0-rc.1]\n"},
		{
			"link definitions", "## [Unreleased]\n\n## [1.1.0]\n\n[unreleased]: https://x/compare/v1.1.0...HEAD\n[1.1.0]: y\n",
			"## [Unreleased]\n\n" + section + "\n## [1.1.0]\n\n[unreleased]: https://x/compare/v1.2.0...HEAD\n[1.2.0]: https://x/compare/v1.1.0...v1.2.0\n[1.1.0]: y\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Insert(tt.existing, Header, section, short)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again := Insert(got, Header, section, short); again != got {
				t.Errorf("a second time it changes again:\n%s", again)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	text := Header + "\n" + rendered + "\n## 1.1.0\n\n- old\n"
	notes, ok := Notes(text, "1.2.0")
	if !ok || !strings.HasPrefix(notes, "### Breaking changes\n") || !strings.HasSuffix(notes, "- z\n") {
		t.Errorf("notes %q, %v", notes, ok)
	}
	if _, ok := Notes(text, "1.2"); ok {
		t.Error("1.2 has notes")
	}
}

func TestLinks(t *testing.T) {
	tests := []struct{ remote, kind, compare, commit, text string }{
		{
			"git@github.com:o/r.git", "", "https://github.com/o/r/compare/a/v1...a/v2", "https://github.com/o/r/commit/abc",
			"x, fixes [#1](https://github.com/o/r/issues/1) ([#2](https://github.com/o/r/pull/2))",
		},
		{
			"https://user:secret@gitlab.com/g/s/r.git", "", "https://gitlab.com/g/s/r/-/compare/a/v1...a/v2", "https://gitlab.com/g/s/r/-/commit/abc",
			"x, fixes [#1](https://gitlab.com/g/s/r/-/issues/1) ([#2](https://gitlab.com/g/s/r/-/merge_requests/2))",
		},
		{
			"ssh://git@bitbucket.org:7999/o/r", "", "https://bitbucket.org/o/r/branches/compare/a/v2%0Da/v1", "https://bitbucket.org/o/r/commits/abc",
			"x, fixes [#1](https://bitbucket.org/o/r/issues/1) ([#2](https://bitbucket.org/o/r/pull-requests/2))",
		},
		{
			"git@ssh.dev.azure.com:v3/o/p/r", "", "https://dev.azure.com/o/p/_git/r/branchCompare?baseVersion=GTa/v1&targetVersion=GTa/v2", "https://dev.azure.com/o/p/_git/r/commit/abc",
			"x, fixes [#1](https://dev.azure.com/o/p/_workitems/edit/1) ([#2](https://dev.azure.com/o/p/_git/r/pullrequest/2))",
		},
		{"https://git.example.com:8443/o/r", "github", "https://git.example.com:8443/o/r/compare/a/v1...a/v2", "https://git.example.com:8443/o/r/commit/abc",
			"x, fixes [#1](https://git.example.com:8443/o/r/issues/1) ([#2](https://git.example.com:8443/o/r/pull/2))"},
		{"/srv/git/r.git", "", "", "", "x, fixes #1 (#2)"},
		{"https://git.example.com/o/r", "", "", "", "x, fixes #1 (#2)"},
	}
	for _, tt := range tests {
		l := ParseRemote(tt.remote, tt.kind)
		got := []string{l.Compare("a/v1", "a/v2"), l.Commit("abc"), l.Text("x, fixes #1 (#2)")}
		if diff := cmp.Diff([]string{tt.compare, tt.commit, tt.text}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.remote, diff)
		}
	}
}
