package davit

import "fmt"

// Releasing says how a repository makes releases: the key release of
// davit.yaml. Whoever reads the file fills in what it leaves out.
type Releasing struct {
	// Application is the one that the file describes; "" when it describes none.
	Application string
	TagPrefix   string // before the version in tags
	First       string // the version of the first release
	// InitialDevelopment lets breaking changes raise the minor version while
	// the major version is 0.
	InitialDevelopment bool
	Mode               ReleaseMode
	Remote             string // by its name in git
	// Branches that release; without them the default branch, channel and
	// maintenance branches do.
	Branches []ReleaseBranch
	// Types are the types of commits by name, in lower case.
	Types map[string]CommitType
	// IgnoreTags are patterns of tags that are no release, by path.Match.
	IgnoreTags []string
	Messages   string // a YAML file of corrected messages by hash
	// CommitMessage is the subject of the release's commit; %s stands for the tags.
	CommitMessage string
	Changelog     Changelog
	FloatingTags  bool // v1 and v1.2 move along
	Forge         Forge
	// Packages are one or more; one without a name and a path is the whole
	// repository.
	Packages []Package
	// Together releases all packages when one has something to release, all
	// with the same, highest bump.
	Together bool
}

// ReleaseMode is how a release reaches its branch.
type ReleaseMode string

// The modes of releasing.
const (
	ReleaseDirectly      ReleaseMode = "direct"       // commit, tag and push
	ReleaseByPullRequest ReleaseMode = "pull-request" // tag after the merge
)

// ReleaseBranch says how a branch releases.
type ReleaseBranch struct {
	Name    string // a pattern by path.Match
	Channel string // of pre-releases: 1.2.0-CHANNEL.1
	Range   string // 1.x or 1.2.x: the versions that the branch must not leave
}

// CommitType says what commits of a type mean.
type CommitType struct {
	Bump    Bump
	Heading string // in the changelog; "" leaves them out unless they break something
}

// Changelog says where and how the changelog is written.
type Changelog struct {
	File     string
	Template string // a file with a Go template; "" is the default one
	Disabled bool
}

// Forge says where releases are published. What is empty is taken from the
// remote's address.
type Forge struct {
	Kind       string // "github", "gitlab", "none"
	API        string // "https://github.example.com/api/v3"
	Repository string // "owner/name"
	Assets     []string
}

// Package is a part of the repository with versions of its own.
type Package struct {
	Name      string
	Path      string // clean, with slashes; "" is the whole repository
	TagPrefix string
	Changelog string        // file, from the repository's root
	Files     []VersionFile // nil: found by their names
	DependsOn []string      // names of packages
}

// VersionFile is a file that holds the version.
type VersionFile struct {
	Path string // slashes, below the package's folder
	// Kind is how to find the version; "" goes by the name of the file.
	Kind string
	// Pattern is a regular expression whose first group, or whose group named
	// version, is the version; for the kind regex.
	Pattern string
	// Variable is the name of the constant or variable, for the kinds go and
	// terraform.
	Variable string
}

// VersionFileKinds are the kinds of files that a version can be found in.
func VersionFileKinds() []string {
	return []string{
		"package.json", "package-lock.json", "pyproject.toml", "Cargo.toml", "Cargo.lock", "pom.xml", "gradle", "msbuild",
		"Chart.yaml", "VERSION", "go", "openapi", "terraform", "regex", "marker",
	}
}

// DefaultCommitTypes are the types that are known without any configuration:
// those of the conventions in the field, and the words of Keep a Changelog.
func DefaultCommitTypes() map[string]CommitType {
	return map[string]CommitType{
		"feat": {BumpMinor, "Added"}, "fix": {BumpPatch, "Fixed"}, "perf": {BumpPatch, "Changed"}, "revert": {BumpPatch, "Reverted"},
		"security": {BumpPatch, "Security"}, "deprecate": {BumpMinor, "Deprecated"}, "remove": {BumpMinor, "Removed"},
		"build": {}, "chore": {}, "ci": {}, "docs": {}, "refactor": {}, "style": {}, "test": {},
	}
}

// Bump is which part of a version a change raises.
type Bump int

// The bumps, in the order of their weight.
const (
	BumpNone Bump = iota
	BumpPatch
	BumpMinor
	BumpMajor
)

// Bumps are the words for bumps, in the order of their weight.
func Bumps() []string { return []string{"none", "patch", "minor", "major"} }

// String returns the word for the bump.
func (b Bump) String() string { return Bumps()[b] }

// MarshalText writes b as String does.
func (b Bump) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads none, patch, minor or major.
func (b *Bump) UnmarshalText(text []byte) error {
	for i, name := range Bumps() {
		if name == string(text) {
			*b = Bump(i)
			return nil
		}
	}
	return fmt.Errorf("there is no bump %q: use none, patch, minor or major", text)
}
