package validation

import (
	"fmt"
	"strings"
)

// Reference returns the reference page of the checks, in Markdown.
func Reference() []byte {
	var b strings.Builder
	b.WriteString(referenceHead)
	checks := List().Checks
	for i, c := range checks {
		if i == 0 || checks[i-1].Category != c.Category {
			fmt.Fprintf(&b, "\n## %s\n\n| check | severity | what it proves |\n| --- | --- | --- |\n", c.Category)
		}
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", c.ID, strings.ReplaceAll(c.ID, ".", ""), c.Severity, c.Proves)
	}
	b.WriteString("\n## Each of them\n")
	for _, c := range checks {
		c.describe(&b)
	}
	return []byte(b.String())
}

const referenceHead = `# The checks

This page is generated from the program, which prints the same with ` + "`davit validate --list`" + `. How they are
used is told in [Validate what you deployed](../how-to/validate.md).

A check passes, fails, is skipped when there is nothing that it could look at (it says why), or is inconclusive
when Davit could not look. A *required* check that fails hauls the release back; what an *advisory* one finds is in
the evidence. Severity, time-out, retries and parameters of every check can be changed under ` + "`settings`" + ` of
[the validation gate](configuration.md#validationGate).
`

// describe writes what there is to know of a check.
func (d *Description) describe(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\nProves: %s. %s; %s a try, %s.\n\nWhen it fails: %s.\n",
		d.ID, d.Proves, upper(string(d.Severity)), d.Timeout, retriesText(d.Retries), d.Hint)
	if d.Params == nil {
		return
	}
	fmt.Fprintf(b, "\nParameters, with their defaults:\n\n```json\n%s\n```\n", valueText(d.Params))
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func retriesText(n int) string {
	switch n {
	case 0:
		return "no further try"
	case 1:
		return "one further try"
	}
	return fmt.Sprintf("%d further tries", n)
}
