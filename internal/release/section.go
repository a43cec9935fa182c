package release

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/conventional"
)

// teller turns changes into sections of a changelog.
type teller struct {
	types map[string]davit.CommitType
	links changelog.Links
}

// headings is the order of a section's headings; others follow by name.
var headings = []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Reverted"}

// coAuthor reads the value of a Co-authored-by footer.
var coAuthor = expression(`^([^<]+?)\s*<([^>]*)>`)

// section returns what a changelog tells of changes, newest first.
func (t teller) section(changes []Change) changelog.Section {
	var s changelog.Section
	groups := map[string]*changelog.Group{}
	seen := map[string]bool{}
	thank := func(name, email string) {
		if key := strings.ToLower(email); name != "" && !seen[key] && !strings.HasSuffix(name, "[bot]") {
			seen[key] = true
			s.Contributors = append(s.Contributors, name)
		}
	}
	for _, c := range changes {
		heading := t.types[c.Type].Heading
		if !c.Breaking() && heading == "" {
			continue
		}
		thank(c.Author, c.Email)
		for _, value := range c.Values("Co-authored-by") {
			if m := coAuthor().FindStringSubmatch(value); m != nil {
				thank(m[1], m[2])
			}
		}
		item := changelog.Item{Scope: c.Scope, Text: t.links.Text(c.Description), Hash: short(c.Hash), URL: t.links.Commit(c.Hash), Closes: t.closes(c.Commit)}
		if c.Breaking() {
			for _, note := range c.BreakingNotes() {
				if note != c.Description {
					item.Notes = append(item.Notes, note)
				}
			}
			s.Breaking = append(s.Breaking, item)
			continue
		}
		if groups[heading] == nil {
			groups[heading] = &changelog.Group{Heading: heading}
		}
		groups[heading].Items = append(groups[heading].Items, item)
	}
	byScope := func(a, b changelog.Item) int { return cmp.Compare(strings.ToLower(a.Scope), strings.ToLower(b.Scope)) }
	slices.SortStableFunc(s.Breaking, byScope)
	for _, g := range groups {
		slices.SortStableFunc(g.Items, byScope)
		s.Groups = append(s.Groups, *g)
	}
	slices.SortFunc(s.Groups, func(a, b changelog.Group) int {
		return cmp.Or(cmp.Compare(rank(a.Heading), rank(b.Heading)), cmp.Compare(a.Heading, b.Heading))
	})
	return s
}

// closes returns the issues that a commit's footers close and its description
// does not name, with links.
func (t teller) closes(c conventional.Commit) []string {
	var issues []string
	for _, f := range c.Footers {
		switch strings.ToLower(f.Token) {
		case "close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved":
		default:
			continue
		}
		value := f.Value
		if f.Separator == " #" {
			value = "#" + value
		}
		for _, number := range t.links.Closed(value) {
			issue := t.links.Text("#" + number)
			if !slices.Contains(issues, issue) && !names(c.Description, number) {
				issues = append(issues, issue)
			}
		}
	}
	return issues
}

// names reports whether a text names an issue.
func names(text, number string) bool {
	for _, rest := range strings.Split(text, "#")[1:] {
		if digits := len(rest) - len(strings.TrimLeft(rest, "0123456789")); rest[:digits] == number {
			return true
		}
	}
	return false
}

// rank returns the place of a heading in a section.
func rank(heading string) int {
	if i := slices.Index(headings, heading); i >= 0 {
		return i
	}
	return len(headings)
}

// release returns the section of a package's next release.
func (t teller) release(p *PackagePlan, date string) changelog.Section {
	s := t.section(p.Changes)
	s.Version, s.Tag, s.PreviousTag, s.Date = p.Next.String(), p.Tag(), p.BaseTag, date
	s.CompareURL = t.links.Compare(s.PreviousTag, s.Tag)
	if len(p.Moved) > 0 {
		items := make([]changelog.Item, len(p.Moved))
		for i, name := range p.Moved {
			items[i] = changelog.Item{Text: "follows the release of " + name}
		}
		s.Groups = append(s.Groups, changelog.Group{Heading: "Dependencies", Items: items})
	}
	return s
}

// loadTemplate reads the configured template of sections.
func loadTemplate(root string, c davit.Changelog) (*changelog.Template, error) {
	text := ""
	if c.Template != "" {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(c.Template)))
		if err != nil {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: "cannot read the changelog's template", Hint: "release.changelog.template in davit.yaml names it", Err: err}
		}
		text = string(content)
	}
	t, err := changelog.ParseTemplate(text)
	if err != nil {
		return nil, wrongTemplate(err)
	}
	return t, nil
}

func wrongTemplate(err error) error {
	return &davit.Error{Code: davit.CodeInvalid, Message: "the changelog's template is wrong", Hint: "docs/release.md tells what a template has", Err: err}
}

// describe returns the subject and trailers of a release's commit.
func describe(c *davit.Releasing, due []*PackagePlan) string {
	tags := make([]string, len(due))
	for i, p := range due {
		tags[i] = p.Tag()
	}
	message := fmt.Sprintf(c.CommitMessage, strings.Join(tags, ", ")) + "\n\n"
	for _, tag := range tags {
		message += trailer + ": " + tag + "\n"
	}
	return message
}
