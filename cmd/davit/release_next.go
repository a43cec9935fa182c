package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/git"
)

// releasePlan is what "davit release next --output json" answers.
type releasePlan struct {
	Branch   string           `json:"branch"`
	Head     string           `json:"head"`
	Packages []releasePackage `json:"packages"`
	// Pending are the tags of a release that is committed and waits for them.
	Pending  []string `json:"pending,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Diff     string   `json:"diff,omitempty"` // of davit release --dry-run
}

// releasePackage is a package of a releasePlan.
type releasePackage struct {
	Name     string           `json:"name,omitempty"`
	From     string           `json:"from,omitempty"` // the tag of the last release
	Next     *release.Version `json:"next"`           // null: nothing to release
	Tag      string           `json:"tag,omitempty"`
	Bump     davit.Bump       `json:"bump"`
	Rule     string           `json:"rule"`
	Moved    []string         `json:"moved,omitempty"` // released dependencies that it follows
	Changes  []releaseChange  `json:"changes"`
	Problems []release.Note   `json:"problems"`
	Ignored  []release.Note   `json:"ignored"`
}

// releaseChange is a commit's change in a releasePackage.
type releaseChange struct {
	Hash        string     `json:"hash"`
	Type        string     `json:"type"`
	Scope       string     `json:"scope,omitempty"`
	Description string     `json:"description"`
	Breaking    bool       `json:"breaking"`
	Bump        davit.Bump `json:"bump"`
}

func (r *releaseCommand) nextCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "next",
		Short: "Compute the next version, and explain it",
		Long: `Compute the next version from the commits since the last release, and explain
which commits and which rule make it. Exit code 0: there is something to
release; 6: there is nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(quickMemory))
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the command ends at once
			options, err := r.options()
			if err != nil {
				return err
			}
			var repo *git.Repo
			var settings *davit.Releasing
			options.Tags, err = git.OpenAndTags(cmd.Context(), ".", func(opened *git.Repo) error {
				repo = opened
				settings, err = r.settings(repo)
				return err
			})
			if err != nil {
				return err
			}
			defer repo.Close()
			plan, err := release.Next(cmd.Context(), repo, settings, options)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd.OutOrStdout(), viewPlan(plan))
			} else {
				_, err = io.WriteString(cmd.OutOrStdout(), explain(plan))
			}
			if err != nil {
				return fmt.Errorf("printing the plan: %w", err)
			}
			if len(plan.Releases()) == 0 && plan.Pending == nil {
				return outcome(exitNothing)
			}
			return nil
		},
	}
}

// viewPlan returns the plan as JSON tells it.
func viewPlan(plan *release.Plan) releasePlan {
	view := releasePlan{Branch: plan.Branch, Head: plan.Head, Pending: plan.Pending, Warnings: plan.Warnings, Packages: []releasePackage{}}
	for _, p := range plan.Packages {
		one := releasePackage{
			Name: p.Name, From: p.BaseTag, Next: p.Next, Bump: p.Bump, Rule: p.Rule, Moved: p.Moved, Changes: []releaseChange{},
			Problems: append([]release.Note{}, p.Problems...), Ignored: append([]release.Note{}, p.Ignored...),
		}
		if p.Next != nil {
			one.Tag = p.Tag()
		}
		for _, c := range p.Changes {
			one.Changes = append(one.Changes, releaseChange{c.Hash, c.Type, c.Scope, c.Description, c.Breaking(), c.Bump})
		}
		view.Packages = append(view.Packages, one)
	}
	return view
}

// quickMemory is how much memory a command that ends at once takes before it
// collects garbage.
const quickMemory = 256 << 20

// shownChanges bounds the changes that the explanation lists for a package.
const shownChanges = 50

// explain returns the plan in words: the version, the rule, and the commits.
func explain(plan *release.Plan) string {
	var b strings.Builder
	for _, w := range plan.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	if plan.Pending != nil {
		fmt.Fprintf(&b, "%s is committed and waits for its tag: davit release finishes it\n", strings.Join(plan.Pending, ", "))
	}
	for _, p := range plan.Packages {
		name := ""
		if p.Name != "" {
			name = p.Name + ": "
		}
		next := "nothing to release"
		if p.Next != nil {
			next = p.Next.String()
		}
		fmt.Fprintf(&b, "%s%s\n  from  %s\n  rule  %s\n", name, next, cmp.Or(p.BaseTag, "the first commit"), p.Rule)
		for _, d := range p.Moved {
			fmt.Fprintf(&b, "  patch follows %s\n", d)
		}
		explainChanges(&b, p)
	}
	return b.String()
}

func explainChanges(b *strings.Builder, p *release.PackagePlan) {
	shown, silent := 0, 0
	for _, c := range p.Changes {
		if c.Bump == davit.BumpNone {
			silent++
			continue
		}
		if shown++; shown <= shownChanges {
			fmt.Fprintf(b, "  %-5s %.9s %s\n", c.Bump, c.Hash, printable(c.Header()))
		}
	}
	if shown > shownChanges {
		fmt.Fprintf(b, "        and %d more\n", shown-shownChanges)
	}
	if silent > 0 {
		fmt.Fprintf(b, "  none  %d more of types that release nothing\n", silent)
	}
	for _, n := range p.Ignored[:min(len(p.Ignored), shownChanges)] {
		fmt.Fprintf(b, "  skip  %.9s %s (%s)\n", n.Hash, printable(n.Subject), n.Reason)
	}
	for _, n := range p.Problems[:min(len(p.Problems), shownChanges)] {
		fmt.Fprintf(b, "  ???   %.9s %s: %s\n", n.Hash, printable(n.Subject), n.Reason)
	}
	if more := max(len(p.Problems)-shownChanges, 0) + max(len(p.Ignored)-shownChanges, 0); more > 0 {
		fmt.Fprintf(b, "        and %d more; --output json lists them all\n", more)
	}
}
