package release

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/davit-dev/davit"
)

// line is the line of versions that a branch releases.
type line struct {
	channel string // of pre-releases; "" for stable versions
	// limits of maintenance; nil means no limit
	major, minor *uint64
	// hotfix limits to the minor version of the release it began at
	hotfix bool
	known  bool // the branch is named by the configuration or by a convention
}

// lineOf returns what a branch releases.
func lineOf(branch string, configured []davit.ReleaseBranch) line {
	for _, b := range configured {
		if ok, err := path.Match(b.Name, branch); ok && err == nil {
			l := line{channel: b.Channel, known: true}
			if b.Range != "" {
				l.limit(b.Range)
			} else if b.Channel == "" {
				l.limit(strings.TrimPrefix(path.Base(branch), "v"))
			}
			return l
		}
	}
	l := line{known: len(configured) == 0}
	switch branch {
	case "alpha", "beta", "rc", "next":
		l.channel = branch
		return l
	}
	if strings.HasPrefix(branch, "hotfix/") {
		l.hotfix = true
		return l
	}
	if folder, name := path.Split(branch); slices.Contains(maintenanceFolders(), folder) && l.limit(strings.TrimPrefix(name, "v")) {
		return l
	}
	l.known = l.known && (branch == "main" || branch == "master")
	return l
}

// maintenanceFolders are where a branch 1.x may be without the configuration
// saying so: feature/2.x is somebody's work.
func maintenanceFolders() []string {
	return []string{"", "release/", "releases/", "maintenance/", "support/", "stable/"}
}

// rangePattern is a range of versions: 1.x, 1.2.x.
var rangePattern = expression(`^(\d+)(?:\.(\d+))?\.x$`)

// expression is a regular expression that is compiled when it is first asked.
func expression(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// limit keeps the line within a range, and reports whether the text is one;
// another text, or a number that no version can have, limits nothing.
func (l *line) limit(pattern string) bool {
	m := rangePattern().FindStringSubmatch(pattern)
	if m == nil {
		return false
	}
	major, err := strconv.ParseUint(m[1], 10, 63)
	if err != nil {
		return false
	}
	if m[2] != "" {
		minor, err := strconv.ParseUint(m[2], 10, 63)
		if err != nil {
			return false
		}
		l.minor = &minor
	}
	l.major = &major
	return true
}

// has reports whether a version is on the line, its channel apart.
func (l line) has(v Version) bool {
	return (l.major == nil || v.Major == *l.major) && (l.minor == nil || v.Minor == *l.minor)
}

// stable reports whether a version is a stable one on the line.
func (l line) stable(v Version) bool { return v.Pre == "" && l.has(v) }

// check refuses a version that leaves the line.
func (l line) check(branch string, base *tag, next Version) error {
	if l.hotfix && base != nil {
		l.major, l.minor = &base.version.Major, &base.version.Minor
	}
	if l.has(next) {
		return nil
	}
	limit := fmt.Sprintf("%d.x", *l.major)
	if l.minor != nil {
		limit = fmt.Sprintf("%d.%d.x", *l.major, *l.minor)
	}
	return &davit.Error{
		Code:    davit.CodeRefused,
		Message: fmt.Sprintf("the changes on %s make %s, which leaves its range %s", branch, next, limit),
		Hint:    "take the change that needs it off this branch and release it from another, or name a version of the range with --as",
	}
}
