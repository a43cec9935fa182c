package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/forge"
	"github.com/davit-dev/davit/internal/release/git"
)

// exitNothing is the exit code of davit release and davit release next when
// there is nothing to release.
const exitNothing = 6

// releaseCommand is what the commands under "davit release" share: the flags
// of all of them.
type releaseCommand struct {
	app *app

	file     string   // --file
	as       string   // --as
	branch   string   // --branch
	packages []string // --package
}

// newReleaseCommand returns "davit release", which needs no server.
func newReleaseCommand(a *app) *cobra.Command {
	r := &releaseCommand{app: a}
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Release the next version: changelog, version files, tag, notes",
		Long: `Compute the next version from Conventional Commits, write the changelog and the
version files, commit, tag, push branch and tag together, and publish the notes.

Every step is looked at before it is done. After a crash run the same command
again: it finishes what the first began. Exit code 6: there is nothing to
release. See docs/release.md.

The server, where there is one, records each release in the audit log.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			runner, err := r.runner(cmd)
			if err != nil {
				return err
			}
			if dryRun {
				return previewRelease(cmd, runner)
			}
			return r.makeRelease(cmd, runner)
		},
	}
	flags := cmd.PersistentFlags()
	flags.StringVarP(&r.file, "file", "f", "davit.yaml", "the configuration, below the repository's root; it may be missing")
	flags.StringVar(&r.as, "as", "", "release this version instead of the computed one")
	flags.StringVar(&r.branch, "branch", "", "compute for this branch, when HEAD is detached")
	flags.StringSliceVar(&r.packages, "package", nil, "only these packages of a monorepo")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show the whole difference and change nothing")
	cmd.AddCommand(r.nextCommand(), r.lintCommand(), r.changelogCommand(), r.notesCommand())
	return cmd
}

// open returns the repository around the working directory and its
// configuration.
func (r *releaseCommand) open(ctx context.Context) (*git.Repo, *davit.Releasing, error) {
	repo, err := git.Open(ctx, ".")
	if err != nil {
		return nil, nil, err
	}
	settings, err := r.settings(repo)
	return repo, settings, err
}

// settings returns the configuration of a repository.
func (r *releaseCommand) settings(repo *git.Repo) (*davit.Releasing, error) {
	file := r.file
	if !filepath.IsAbs(file) {
		file = filepath.Join(repo.Root, file)
	}
	return config.LoadReleasing(file)
}

// options returns what the flags ask for.
func (r *releaseCommand) options() (release.Options, error) {
	o := release.Options{Branch: r.branch, Only: r.packages}
	if r.as != "" {
		version, err := release.ParseVersion(strings.TrimPrefix(r.as, "v"))
		if err != nil {
			return o, &davit.Error{Code: davit.CodeInvalid, Message: "--as: " + err.Error(), Hint: "write it as 1.2.3 or 1.2.3-beta.1"}
		}
		o.As = &version
	}
	return o, nil
}

// runner returns what makes releases, with the forge of the remote.
func (r *releaseCommand) runner(cmd *cobra.Command) (*release.Runner, error) {
	repo, settings, err := r.open(cmd.Context())
	if err != nil {
		return nil, err
	}
	options, err := r.options()
	if err != nil {
		return nil, err
	}
	address, err := repo.Config(cmd.Context(), "remote."+settings.Remote+".url")
	if err != nil {
		return nil, err
	}
	kind := settings.Forge.Kind
	if kind == "none" {
		kind = ""
	}
	links := changelog.ParseRemote(address, kind)
	runner := &release.Runner{Repo: repo, Config: settings, Options: options, Links: links, Now: time.Now}
	if settings.Forge.Kind != "none" && links.Kind != "" {
		repository := links.Repository
		if settings.Forge.Repository != "" {
			repository = settings.Forge.Repository
		}
		runner.Forge = forge.Open(links.Kind, settings.Forge.API, links.Host, repository, os.Getenv)
	}
	return runner, nil
}

// previewRelease prints the plan and the difference that a release would make.
func previewRelease(cmd *cobra.Command, runner *release.Runner) error {
	plan, diff, err := runner.Preview(cmd.Context())
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		view := viewPlan(plan)
		view.Diff = diff
		err = printJSON(cmd.OutOrStdout(), view)
	} else {
		_, err = io.WriteString(cmd.OutOrStdout(), explain(plan)+diff)
	}
	if err != nil {
		return fmt.Errorf("printing the plan: %w", err)
	}
	if len(plan.Releases()) == 0 && plan.Pending == nil {
		return outcome(exitNothing)
	}
	return nil
}

// makeRelease makes the release and tells each step as it is done.
func (r *releaseCommand) makeRelease(cmd *cobra.Command, runner *release.Runner) error {
	recorder, err := r.recorder(cmd.Context(), runner)
	if err != nil {
		return err
	}
	if recorder != nil { // an interface that holds nil is not nil
		runner.Recorder = recorder
	}
	out := cmd.OutOrStdout()
	if !wantsJSON(cmd) {
		runner.Observe = func(step release.Step, done string) { fmt.Fprintf(out, "%-8s %s\n", step, done) }
	}
	result, err := runner.Run(cmd.Context())
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		err = printJSON(out, result)
	} else {
		_, err = io.WriteString(out, tellResult(runner, result))
	}
	if err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if len(result.Releases) > 0 && recorder == nil {
		r.app.notes([]string{"no audit log has a record of this release, because no server runs here; with one ($DAVIT_SERVER), davit release adds it"})
	}
	if result.Nothing() {
		return outcome(exitNothing)
	}
	return nil
}

// tellResult returns what a run came to, in words.
func tellResult(runner *release.Runner, result release.Result) string {
	var b strings.Builder
	for _, w := range result.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", printable(w))
	}
	switch {
	case result.Elsewhere:
		b.WriteString("another run made this release; nothing of this one is left\n")
	case result.Proposed != "":
		fmt.Fprintf(&b, "the release waits for its merge: %s\n", result.Proposed)
	case result.Withdrawn != "" && len(result.Releases) == 0:
		fmt.Fprintf(&b, "nothing is due any more: the pull request from %s is closed, and the branch removed\n", result.Withdrawn)
	case result.Nothing():
		b.WriteString("nothing to release\n")
	}
	for _, one := range result.Releases {
		fmt.Fprintf(&b, "released %s", one.Tag)
		if one.Page != "" {
			fmt.Fprintf(&b, ": %s", one.Page)
		}
		b.WriteByte('\n')
	}
	if len(result.Releases) > 0 && runner.Forge == nil && runner.Links.Kind != "" && runner.Config.Forge.Kind != "none" {
		b.WriteString("no notes were published: there is no token (GITHUB_TOKEN or GITLAB_TOKEN) for the forge\n")
	}
	return b.String()
}

// wantsJSON reports whether the global flag --output asks for JSON.
func wantsJSON(cmd *cobra.Command) bool {
	flag := cmd.Flag("output")
	return flag != nil && flag.Value.String() == "json"
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
