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
		Groups:     []Group{{"Added", []Item{{Text: "x"}, {Scope: "cli", Text: "y", Hash: "def", Closes: []string{"#1", "[#2](u2)"}}}}, {"Fixed", []Item{{Text: "z"}}}},
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
- **cli:** y (def), closes #1, [#2](u2)

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
			"x, fixes [#1](https://gitlab.com/g/s/r/-/issues/1) ([#2](https://gitlab.com/g/s/r/-/issues/2))",
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

// TestReferences reads what people and forges write on each forge.
func TestReferences(t *testing.T) {
	const gitlab, github, azure, bitbucket = "https://gitlab.com/g/r", "https://github.com/o/r", "https://dev.azure.com/o/p/_git/r", "https://bitbucket.org/o/r"
	tests := []struct{ remote, text, want string }{
		{gitlab, "x (!12)", "x ([!12](" + gitlab + "/-/merge_requests/12))"},
		{gitlab, "x, see !12 and #3", "x, see [!12](" + gitlab + "/-/merge_requests/12) and [#3](" + gitlab + "/-/issues/3)"},
		{gitlab, "!12: x", "[!12](" + gitlab + "/-/merge_requests/12): x"},
		{gitlab, "other/project!12", "other/project!12"},
		{gitlab, "wow!12 and a#3", "wow!12 and a#3"},
		{azure, "x !12", "x [!12](" + azure + "/pullrequest/12)"},
		{github, "x (#12)", "x ([#12](" + github + "/pull/12))"},
		{github, "x !12", "x !12"},
		{bitbucket, "x (pull request #12)", "x ([#12](" + bitbucket + "/pull-requests/12))"},
		{"/srv/r.git", "x !12 #3", "x !12 #3"},
	}
	for _, tt := range tests {
		if got := ParseRemote(tt.remote, "").Text(tt.text); got != tt.want {
			t.Errorf("%s: %q is %q; want %q", tt.remote, tt.text, got, tt.want)
		}
	}
}

func TestClosed(t *testing.T) {
	tests := []struct {
		kind, value string
		want        []string
	}{
		{"github", "#1", []string{"1"}},
		{"gitlab", "#1, #22 and #3", []string{"1", "22", "3"}},
		{"github", "#1, closes #2", []string{"1", "2"}},
		{"github", "#1 and some of #2", []string{"1"}},
		{"azure", "AB#7, #8", []string{"7", "8"}},
		{"github", "AB#7", nil},
		{"github", "12 bugs", nil},
		{"github", "#1a", nil},
		{"", "", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, (Links{Kind: tt.kind}).Closed(tt.value)); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.kind, tt.value, diff)
		}
	}
}

func TestAzureAddresses(t *testing.T) {
	const modern = "https://dev.azure.com/org/project"
	tests := []struct{ remote, kind, base, repository string }{
		{"https://dev.azure.com/org/project/_git/repo", "", modern + "/_git/repo", "org/project/repo"},
		{"https://org@dev.azure.com/org/project/_git/repo", "", modern + "/_git/repo", "org/project/repo"},
		{"git@ssh.dev.azure.com:v3/org/project/repo", "", modern + "/_git/repo", "org/project/repo"},
		{"ssh://git@ssh.dev.azure.com/v3/org/project/repo", "", modern + "/_git/repo", "org/project/repo"},
		{"https://org.visualstudio.com/project/_git/repo", "", modern + "/_git/repo", "org/project/repo"},
		{"https://org.visualstudio.com/DefaultCollection/project/_git/repo", "", modern + "/_git/repo", "org/project/repo"},
		{"org@vs-ssh.visualstudio.com:v3/org/project/repo", "", modern + "/_git/repo", "org/project/repo"},
		{"https://org.visualstudio.com/_git/project", "", modern + "/_git/project", "org/project/project"},
		{"https://dev.azure.com/org/_git/project", "", modern + "/_git/project", "org/project/project"},
		{"https://dev.azure.com/org/My%20Project/_git/repo", "", "https://dev.azure.com/org/My%20Project/_git/repo", "org/My%20Project/repo"},
		{"git@ssh.dev.azure.com:v3/org/My%20Project/repo", "", "https://dev.azure.com/org/My%20Project/_git/repo", "org/My%20Project/repo"},
		{"https://tfs.example.com/tfs/Main/project/_git/repo", "azure", "https://tfs.example.com/tfs/Main/project/_git/repo", "tfs/Main/project/repo"},
		{"https://dev.azure.com/org/project", "", "", ""},
	}
	for _, tt := range tests {
		l := ParseRemote(tt.remote, tt.kind)
		if l.Commit("abc") != map[bool]string{true: tt.base + "/commit/abc"}[tt.base != ""] || l.Repository != tt.repository {
			t.Errorf("%s: %s of %s", tt.remote, l.Commit("abc"), l.Repository)
			continue
		}
		if project, _, ok := strings.Cut(tt.base, "/_git/"); ok && l.Issue("3") != project+"/_workitems/edit/3" {
			t.Errorf("%s: a work item at %s", tt.remote, l.Issue("3"))
		}
	}
	if got := ParseRemote(modern+"/_git/repo", "").Compare("v1.0.0", "v1.0.1+a&b"); got != modern+"/_git/repo/branchCompare?baseVersion=GTv1.0.0&targetVersion=GTv1.0.1%2Ba%26b" {
		t.Errorf("the comparison is at %s", got)
	}
}
