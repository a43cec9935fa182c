package release

import (
	"context"
	"fmt"
	"strings"

	"github.com/davit-dev/davit"
)

// Notes returns the notes of releases, in Markdown: of the tag that is named,
// as its changelog or its message has them, or of what is to be released when
// none is. "" means that there is nothing to release.
func (r *Runner) Notes(ctx context.Context, name string) (string, error) {
	if name != "" {
		return r.notesOfTag(ctx, name)
	}
	r.teller = teller{r.Config.Types, r.Links}
	plan, err := Next(ctx, r.Repo, r.Config, r.Options)
	if err != nil {
		return "", err
	}
	f, err := r.compute(ctx, plan, r.today())
	if err != nil {
		return "", err
	}
	due := plan.Releases()
	var b strings.Builder
	for i, p := range due {
		if len(due) > 1 {
			fmt.Fprintf(&b, "%s## %s\n\n", map[bool]string{true: "\n"}[i > 0], p.Tag())
		}
		b.WriteString(f.notes[p.Tag()])
	}
	return b.String(), nil
}

func (r *Runner) notesOfTag(ctx context.Context, name string) (string, error) {
	tags, err := r.Repo.Tags(ctx)
	if err != nil {
		return "", fmt.Errorf("listing the tags: %w", err)
	}
	p, version, ok := r.packageOf(name)
	if !ok || tags[name] == "" {
		return "", &davit.Error{Code: davit.CodeNotFound, Message: "there is no release " + name, Hint: "name its tag, as git tag lists it"}
	}
	notes, err := r.notesOf(ctx, tags[name], name, p, version)
	if err == nil && strings.TrimSpace(notes) == "" {
		err = &davit.Error{Code: davit.CodeNotFound, Message: "neither the changelog of " + name + " nor its tag has notes", Hint: "davit release changelog computes those of all history"}
	}
	return notes, err
}
