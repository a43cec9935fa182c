package release

import (
	"errors"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/conventional"
	"github.com/davit-dev/davit/internal/release/git"
)

// Change is one change that a commit tells of.
type Change struct {
	conventional.Commit
	Hash   string
	Author string
	Email  string
	Bump   davit.Bump
}

// Note is a commit that is no change, or one with something to say about it.
type Note struct {
	Hash    string `json:"hash"`
	Subject string `json:"subject"`
	Reason  string `json:"reason"`
}

// analysis is what commits say.
type analysis struct {
	changes  []Change // newest first
	problems []Note   // could not be read, or probably mean something else
	ignored  []Note   // by rule: merges, fixups, cancelled reverts
}

// isFixup reports whether a subject is one that git commit --fixup or --squash wrote.
func isFixup(subject string) bool {
	return strings.HasPrefix(subject, "fixup! ") || strings.HasPrefix(subject, "squash! ") || strings.HasPrefix(subject, "amend! ")
}

// reading is what one commit's message says, before other commits are looked at.
type reading struct {
	hash, subject string
	parents       []string
	author, email string
	found         []conventional.Commit
	problem       string   // why it could not be read
	ignored       string   // why it says nothing
	reverts       []string // hashes, perhaps abbreviated, or #11
	promises      []string // tags, of the commit of a release
}

// read reads a commit's message, or the correction of it.
func read(c git.Commit, overrides Overrides) reading {
	message := overrides.message(c)
	r := reading{
		hash: c.Hash, subject: subject(message), parents: c.Parents, author: c.Author, email: c.Email,
		reverts: conventional.Reverts(message), promises: promises(message),
	}
	if isFixup(r.subject) {
		r.ignored = "a fixup says nothing of its own"
		return r
	}
	found, err := conventional.ParseAll(message)
	problem, wrong := errors.AsType[*conventional.Problem](err)
	switch {
	case wrong && len(c.Parents) > 1:
		r.ignored = "a merge without a type: its commits speak for themselves"
	case wrong:
		r.problem = problem.Error()
	}
	r.found = found
	return r
}

// conclude puts together what commits say, newest first.
func conclude(readings []reading, types map[string]davit.CommitType) analysis {
	a := analysis{changes: make([]Change, 0, len(readings))} // few commits have several
	cancelled := cancel(readings)
	for i := range readings {
		r := &readings[i]
		note := func(reason string) Note { return Note{r.hash, r.subject, reason} }
		if by := cancelled[r.hash]; by != "" {
			a.ignored = append(a.ignored, note(by))
			continue
		}
		if len(r.promises) > 0 {
			a.ignored = append(a.ignored, note("the commit of a release"))
			continue
		}
		if r.ignored != "" {
			a.ignored = append(a.ignored, note(r.ignored))
		}
		if r.problem != "" {
			a.problems = append(a.problems, note(r.problem))
		}
		for j := range r.found {
			one := &r.found[j]
			for _, w := range one.Warnings {
				a.problems = append(a.problems, note(w.Error()))
			}
			bump := types[one.Type].Bump
			if one.Breaking() {
				bump = davit.BumpMajor
			}
			a.changes = append(a.changes, Change{*one, r.hash, r.author, r.email, bump})
		}
	}
	return a
}

// bump returns the highest bump of the changes.
func (a analysis) bump() davit.Bump {
	highest := davit.BumpNone
	for _, c := range a.changes {
		highest = max(highest, c.Bump)
	}
	return highest
}

// cancel returns the commits that cancel out, with the reason: reverts of
// which every target is among the commits, and these targets. Newest first, so
// that a reverted revert reverts nothing.
func cancel(readings []reading) map[string]string {
	cancelled := map[string]string{}
	for i := range readings {
		r := &readings[i]
		if len(r.reverts) == 0 || cancelled[r.hash] != "" {
			continue
		}
		var targets []*reading
		for _, name := range r.reverts {
			if t := find(readings, name); t != nil && t.hash != r.hash {
				targets = append(targets, t)
			}
		}
		if len(targets) < len(r.reverts) {
			continue
		}
		for _, t := range targets {
			cancelled[t.hash] = "reverted by " + short(r.hash)
			if len(t.parents) > 1 {
				cancelMerged(readings, t, r.hash, cancelled)
			}
		}
		cancelled[r.hash] = "reverts " + strings.Join(r.reverts, ", ") + ", which is not released either"
	}
	return cancelled
}

// cancelMerged cancels the commits that a reverted merge had merged.
func cancelMerged(readings []reading, merge *reading, by string, cancelled map[string]string) {
	parents := make(map[string][]string, len(readings))
	for _, r := range readings {
		parents[r.hash] = r.parents
	}
	kept := reach(parents, merge.parents[0])
	for hash := range reach(parents, merge.parents[1:]...) {
		if !kept[hash] {
			cancelled[hash] = "reverted with its merge by " + short(by)
		}
	}
}

// find returns the only commit whose hash begins with name, or the only one
// that a pull request "#11" became; nil without one.
func find(readings []reading, name string) *reading {
	var found *reading
	for i := range readings {
		if readings[i].isNamed(name) {
			if found != nil {
				return nil
			}
			found = &readings[i]
		}
	}
	return found
}

func (r *reading) isNamed(name string) bool {
	if !strings.HasPrefix(name, "#") {
		return strings.HasPrefix(r.hash, name)
	}
	return strings.HasSuffix(r.subject, "("+name+")") || strings.HasPrefix(r.subject, "Merge pull request "+name+" ")
}

func subject(message string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(message, "\r\n"), "\n")
	return strings.TrimSpace(line)
}

// short abbreviates a hash for people.
func short(hash string) string { return hash[:min(len(hash), 9)] }
