package release

import (
	"fmt"

	"github.com/davit-dev/davit"
)

// Plan is what there is to release.
type Plan struct {
	Branch string // "" when HEAD is detached
	Head   string
	// Packages that the configuration names, in its order; one without a name
	// stands for the whole repository.
	Packages []*PackagePlan
	// Pending are the tags of a release whose commit is made and whose tags
	// are not, and PendingCommit that commit.
	Pending       []string
	PendingCommit string
	// Warnings are things about the repository that a person should know.
	Warnings []string

	tags map[string]string // all of the repository
	line line
}

// PackagePlan is the next release of a package, with its reasons.
type PackagePlan struct {
	davit.Package
	Base     *Version // the last release; nil before the first
	BaseTag  string
	BaseHash string
	Next     *Version // nil when there is nothing to release
	Bump     davit.Bump
	Rule     string // why this version
	Changes  []Change
	Problems []Note
	Ignored  []Note
	// Moved are the dependencies that are released and make this package follow.
	Moved []string

	tags    []tag
	commits []reading
	hashes  map[string]bool // of commits, once asked for
	merged  map[string]bool // commits of tags that HEAD's history holds, where commits are those of a path alone
	fresh   map[string]bool // commits since the channel's last pre-release, where commits are those of a path alone
}

// Tag returns the tag of the next release.
func (p *PackagePlan) Tag() string { return p.TagPrefix + p.Next.String() }

// Releases returns the packages that have something to release.
func (p *Plan) Releases() []*PackagePlan {
	var due []*PackagePlan
	for _, one := range p.Packages {
		if one.Next != nil {
			due = append(due, one)
		}
	}
	return due
}

// decide chooses the next version of a package from its bump.
func (p *Plan) decide(c *davit.Releasing, one *PackagePlan, base *tag, as *Version) error {
	if as != nil && p.isReleased(one, *as) {
		one.Rule = "the version was named, and is released already"
		return nil
	}
	if one.Bump == davit.BumpNone && as == nil {
		one.Rule = "nothing among the commits releases"
		return nil
	}
	var next Version
	switch {
	case as != nil:
		next, one.Rule = *as, "the version was named"
	case base == nil:
		next, _ = ParseVersion(c.First) // checked with the configuration
		one.Rule = "there is no release yet, so this is the first"
	default:
		bump := one.Bump
		one.Rule = fmt.Sprintf("the changes since %s raise the %s version", base.name, bump)
		if c.InitialDevelopment && base.version.Major == 0 && bump == davit.BumpMajor {
			bump = davit.BumpMinor
			one.Rule = fmt.Sprintf("something breaks since %s, which raises the minor version during initial development", base.name)
		}
		next = base.version.Next(bump)
	}
	if p.line.channel != "" && as == nil {
		next = p.preRelease(one, next)
	}
	if as != nil && base != nil && next.Compare(base.version) <= 0 {
		return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("%s does not follow %s", next, base.version), Hint: "name a higher version with --as"}
	}
	if err := p.line.check(p.Branch, base, next); err != nil {
		return err
	}
	if hash := p.tags[one.TagPrefix+next.String()]; hash != "" {
		return &davit.Error{
			Code:    davit.CodeConflict,
			Message: fmt.Sprintf("the next version is %s, and the tag %s is on another commit already (%s), which is not in this branch's history", next, one.TagPrefix+next.String(), short(hash)),
			Hint:    "merge that release into this branch, or name another version with --as",
		}
	}
	one.Next = &next
	return nil
}

// isReleased reports whether a version that was named is the last release, with
// nothing to release since: an earlier run may have ended before its push.
func (p *Plan) isReleased(one *PackagePlan, as Version) bool {
	name := one.TagPrefix + as.String()
	hash := p.tags[name]
	if hash == "" || hash != p.Head && (hash != one.BaseHash || one.Bump > davit.BumpNone) {
		return false
	}
	one.BaseTag, one.BaseHash = name, hash // a pre-release is no base elsewhere
	return true
}

// preRelease returns the next pre-release before a version: it counts up from
// every one of the channel, in this history or another.
func (p *Plan) preRelease(one *PackagePlan, next Version) Version {
	if last := one.lastInChannel(p.line.channel); last != nil && last.version.Core().Compare(next) > 0 && p.line.has(last.version) {
		next = last.version.Core() // a version that was named once goes on
	}
	count := uint64(0)
	for _, t := range one.tags {
		if name, number, ok := t.version.channel(); ok && name == p.line.channel && t.version.Core() == next {
			count = max(count, number)
		}
	}
	next.Pre = fmt.Sprintf("%s.%d", p.line.channel, count+1)
	one.Rule += ", as a pre-release of the channel " + p.line.channel
	return next
}

// holds reports whether a release was made since the base, in HEAD's history.
func (p *PackagePlan) holds(t tag) bool {
	if p.hashes == nil {
		p.hashes = make(map[string]bool, len(p.commits))
		for _, c := range p.commits {
			p.hashes[c.hash] = true
		}
	}
	return p.hashes[t.commit] || p.merged[t.commit] && (p.Base == nil || t.version.Compare(*p.Base) > 0)
}

// lastInChannel returns the newest pre-release of the channel since the base;
// nil without one.
func (p *PackagePlan) lastInChannel(channel string) *tag {
	var last *tag
	for i := range p.tags {
		t := &p.tags[i]
		name, _, ok := t.version.channel()
		if ok && name == channel && (last == nil || t.version.Compare(last.version) > 0) && p.holds(*t) {
			last = t
		}
	}
	return last
}
