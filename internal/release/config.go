package release

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/versionfile"
)

// maxConfigBytes bounds the configuration and the file of corrected messages.
const maxConfigBytes = 1 << 20

// Config is the key release of davit.yaml. Every part of it may be left out.
type Config struct {
	// TagPrefix stands before the version in tags; "v" by default.
	TagPrefix *string `yaml:"tagPrefix"`
	// First is the first version, 0.1.0 by default.
	First string `yaml:"first"`
	// InitialDevelopment lets breaking changes raise the minor version while
	// the major version is 0.
	InitialDevelopment bool `yaml:"initialDevelopment"`
	// Mode is direct (commit, tag and push) or pull-request.
	Mode string `yaml:"mode"`
	// Remote is the name of the remote, origin by default.
	Remote string `yaml:"remote"`
	// Branches that release; without them the default branch, channel and
	// maintenance branches do.
	Branches []Branch `yaml:"branches"`
	// Types change or add to the defaults, by type in lower case.
	Types map[string]Type `yaml:"types"`
	// IgnoreTags are patterns of tags that are no release, by path.Match.
	IgnoreTags []string `yaml:"ignoreTags"`
	// Messages is a YAML file of corrected messages by hash.
	Messages string `yaml:"messages"`
	// CommitMessage is the subject of the release's commit; %s stands for the tags.
	CommitMessage string    `yaml:"commitMessage"`
	Changelog     Changelog `yaml:"changelog"`
	// Files that hold the version; without them they are found by name.
	Files []versionfile.File `yaml:"files"`
	// FloatingTags moves v1 and v1.2 along.
	FloatingTags bool      `yaml:"floatingTags"`
	Forge        Forge     `yaml:"forge"`
	Packages     []Package `yaml:"packages"`
	// Together releases all packages when one has something to release, all
	// with the same, highest bump.
	Together bool `yaml:"together"`
}

// Branch says how a branch releases.
type Branch struct {
	Name string `yaml:"name"` // a pattern by path.Match
	// Channel makes pre-releases: 1.2.0-CHANNEL.1.
	Channel string `yaml:"channel"`
	// Range is 1.x or 1.2.x: the versions the branch must not leave.
	Range string `yaml:"range"`
}

// Type says what commits of a type mean.
type Type struct {
	Bump    Bump   `yaml:"bump"`
	Heading string `yaml:"heading"` // in the changelog; "" leaves them out unless they break something
}

// Changelog says where and how the changelog is written.
type Changelog struct {
	File     string `yaml:"file"`     // CHANGELOG.md by default
	Template string `yaml:"template"` // a file with a Go template for a section
	Disabled bool   `yaml:"disabled"`
}

// Forge says where releases are published. Without it the remote's address
// decides.
type Forge struct {
	Kind       string   `yaml:"kind"`       // github, gitlab, none
	API        string   `yaml:"api"`        // "https://github.example.com/api/v3"
	Repository string   `yaml:"repository"` // "owner/name"
	Assets     []string `yaml:"assets"`     // patterns of files to attach
}

// Package is a part of the repository with versions of its own.
type Package struct {
	Name      string             `yaml:"name"`
	Path      string             `yaml:"path"`
	TagPrefix string             `yaml:"tagPrefix"` // NAME/v by default
	Changelog string             `yaml:"changelog"` // PATH/CHANGELOG.md by default
	Files     []versionfile.File `yaml:"files"`
	DependsOn []string           `yaml:"dependsOn"`
}

// The values of Config.Mode.
const (
	ModeDirect      = "direct"
	ModePullRequest = "pull-request"
)

// defaultTypes are the types that release without any configuration, and what
// the conventions in the field call theirs.
func defaultTypes() map[string]Type {
	return map[string]Type{
		"feat": {Minor, "Added"}, "fix": {Patch, "Fixed"}, "perf": {Patch, "Changed"}, "revert": {Patch, "Reverted"},
		"security": {Patch, "Security"}, "deprecate": {Minor, "Deprecated"}, "remove": {Minor, "Removed"},
		"build": {}, "chore": {}, "ci": {}, "docs": {}, "refactor": {}, "style": {}, "test": {},
	}
}

// headings is the order of a section's headings; others follow by name.
var headings = []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Reverted"}

// LoadConfig reads the key release of a davit.yaml; a missing file or key gives
// the defaults.
func LoadConfig(file string) (*Config, error) {
	src, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return ParseConfig(file, src)
}

// ParseConfig reads the key release of a davit.yaml's content and fills in the
// defaults. name is for errors.
func ParseConfig(name string, src []byte) (*Config, error) {
	if len(src) > maxConfigBytes {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("%s is larger than %d bytes", name, maxConfigBytes)}
	}
	var c Config
	var top struct {
		Release yamlPart `yaml:"release"`
	}
	invalid := func(err error) error {
		return &davit.Error{Code: davit.CodeInvalid, Message: name + ": the key release is wrong\n" + yaml.FormatError(err, false, true), Hint: "docs/release.md tells the keys"}
	}
	if len(bytes.TrimSpace(src)) > 0 {
		if err := yaml.Unmarshal(src, &top); err != nil {
			return nil, invalid(err)
		}
	}
	if len(top.Release) > 0 {
		if err := yaml.UnmarshalWithOptions(top.Release, &c, yaml.Strict()); err != nil {
			return nil, invalid(err)
		}
	}
	c.complete()
	if err := c.check(); err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: name + ": release: " + err.Error(), Hint: "docs/release.md tells the keys"}
	}
	return &c, nil
}

// yamlPart keeps a part of a document for a decoder of its own.
type yamlPart []byte

// UnmarshalYAML keeps the bytes.
func (p *yamlPart) UnmarshalYAML(src []byte) error {
	*p = slices.Clone(src)
	return nil
}

func (c *Config) complete() {
	if c.TagPrefix == nil {
		v := "v"
		c.TagPrefix = &v
	}
	set := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	set(&c.First, "0.1.0")
	set(&c.Mode, ModeDirect)
	set(&c.Remote, "origin")
	set(&c.Messages, ".davit/messages.yaml")
	set(&c.CommitMessage, "chore(release): %s")
	set(&c.Changelog.File, "CHANGELOG.md")
	types := defaultTypes()
	for name, t := range c.Types {
		types[strings.ToLower(name)] = t
	}
	c.Types = types
	if len(c.Packages) == 0 {
		c.Packages = []Package{{TagPrefix: *c.TagPrefix, Changelog: c.Changelog.File, Files: c.Files}}
		return
	}
	for i := range c.Packages {
		p := &c.Packages[i]
		p.Path = path.Clean(p.Path)
		if p.Path == "." {
			p.Path = ""
		}
		set(&p.TagPrefix, p.Name+"/"+*c.TagPrefix)
		set(&p.Changelog, path.Join(p.Path, c.Changelog.File))
	}
}

var rangePattern = regexp.MustCompile(`^(\d+)(?:\.(\d+))?\.x$`)

func (c *Config) check() error {
	if v, err := ParseVersion(c.First); err != nil || v.Pre != "" {
		return fmt.Errorf("first: %q is no stable version such as 0.1.0", c.First)
	}
	if c.Mode != ModeDirect && c.Mode != ModePullRequest {
		return fmt.Errorf("mode: there is no %q: use %s or %s", c.Mode, ModeDirect, ModePullRequest)
	}
	if strings.Count(c.CommitMessage, "%") != 1 || !strings.Contains(c.CommitMessage, "%s") || strings.ContainsAny(c.CommitMessage, "\r\n") {
		return fmt.Errorf("commitMessage: %q must be one line with %%s once, for the tags", c.CommitMessage)
	}
	if strings.HasPrefix(c.Remote, "-") {
		return fmt.Errorf("remote: %q is no remote", c.Remote)
	}
	if !slices.Contains([]string{"", "github", "gitlab", "none"}, c.Forge.Kind) {
		return fmt.Errorf("forge.kind: there is no %q: use github, gitlab or none", c.Forge.Kind)
	}
	for _, b := range c.Branches {
		if b.Range != "" && (!rangePattern.MatchString(b.Range) || b.Channel != "") {
			return fmt.Errorf("branches: %s: the range %q must be 1.x or 1.2.x, without a channel", b.Name, b.Range)
		}
		if _, err := ParseVersion("0.0.0-" + b.Channel + ".1"); b.Channel != "" && (err != nil || strings.Contains(b.Channel, ".")) {
			return fmt.Errorf("branches: %s: the channel %q must be letters, digits and -", b.Name, b.Channel)
		}
	}
	return c.checkPackages()
}

func (c *Config) checkPackages() error {
	names, prefixes := map[string]bool{}, map[string]bool{}
	for _, p := range c.Packages {
		if names[p.Name] || prefixes[p.TagPrefix] || p.Name == "" && len(c.Packages) > 1 {
			return fmt.Errorf("packages: every package needs a name and a tagPrefix of its own; %q has not", p.Name)
		}
		names[p.Name], prefixes[p.TagPrefix] = true, true
		for _, file := range []string{p.Path, p.Changelog} {
			if file != "" && (path.IsAbs(file) || path.Clean(file) != file || strings.HasPrefix(file, "..")) {
				return fmt.Errorf("packages: %s: %q must be a clean path inside the repository", p.Name, file)
			}
		}
	}
	for _, p := range c.Packages {
		for _, d := range p.DependsOn {
			if !names[d] || d == p.Name {
				return fmt.Errorf("packages: %s depends on %q, which is no other package", p.Name, d)
			}
		}
	}
	return nil
}
