package release_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSectionTellsAll releases changes of all sorts into a changelog that people
// wrote in before: what breaks comes first with how to migrate, scopes stand
// together, issues that footers close are linked, and everybody is thanked once.
func TestSectionTellsAll(t *testing.T) {
	w := newWorld(t)
	w.file("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- written by hand\n\n# [1.0.0](https://x) (2025-01-01)\n\n### Features\n\n* all\n", "chore: begin")
	w.git("tag", "v1.0.0")
	w.commit(
		"feat(web): show it\n\nCloses #7, #8\n",
		"feat(api)!: drop v1 (#12)\n\nBREAKING CHANGE: use v2:\n\n    GET /v2\n\nCo-authored-by: Bob <bob@example.com>\n",
		"fix(web): blink, see #7\n\nFixes #7\nResolves: #9\n",
		"feat: without a scope\n\nCo-authored-by: bob <BOB@example.com>\nCo-authored-by: renovate[bot] <bot@example.com>\nReviewed-by: Cy <cy@example.com>\n",
		"fix(api): lean\n\nBREAKING-CHANGE: it needs less\n",
		"feat(api): serve 12 more\n\nCloses #12\n",
		"fix(Web): paint\n",
		"docs(web): Dora alone wrote this\n\nCo-authored-by: Dora <dora@example.com>\n",
	)
	w.push()
	w.mustRun("")
	const issues, hash = "https://github.com/o/r/issues/", "([HASH](https://github.com/o/r/commit/HASH))"
	want := `# Changelog

## [Unreleased]

## [2.0.0](https://github.com/o/r/compare/v1.0.0...v2.0.0) - 2026-01-02

### Breaking changes

- **api:** lean ` + hash + `

  it needs less
- **api:** drop v1 ([#12](https://github.com/o/r/pull/12)) ` + hash + `

  use v2:

      GET /v2

### Added

- written by hand
- without a scope ` + hash + `
- **api:** serve 12 more ` + hash + `, closes [#12](` + issues + `12)
- **web:** show it ` + hash + `, closes [#7](` + issues + `7), [#8](` + issues + `8)

### Fixed

- **Web:** paint ` + hash + `
- **web:** blink, see [#7](` + issues + `7) ` + hash + `, closes [#9](` + issues + `9)

Contributors: Ada, bob

# [1.0.0](https://x) (2025-01-01)

### Features

* all
`
	got := regexp.MustCompile(`\b[0-9a-f]{7,40}\b`).ReplaceAllString(w.read("CHANGELOG.md"), "HASH")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
