package validation

import (
	"fmt"
	"io"
	"strings"

	"github.com/davit-dev/davit"
)

// WriteAnnotations writes what did not pass as commands that GitHub's runner
// makes annotations of, and the conclusion as a line of the log.
func (r *Report) WriteAnnotations(w io.Writer) error {
	var b strings.Builder
	for _, result := range r.Results {
		if result.Outcome != Failed && result.Outcome != Inconclusive {
			continue
		}
		level := "warning"
		if result.Severity == davit.Required {
			level = "error"
		}
		text := result.Proves + "\n" + result.Reason
		if result.Hint != "" {
			text += "\nhint: " + result.Hint
		}
		fmt.Fprintf(&b, "::%s title=%s::%s\n", level, property(result.ID), data(text))
	}
	fmt.Fprintf(&b, "%s\n", r.Conclusion())
	_, err := io.WriteString(w, b.String())
	return err
}

// data and property escape what stands in a command.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// WriteMarkdown writes the report as the summary of a job.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### davit validate %s\n\n%s\n\n| | check | severity | time | |\n| --- | --- | --- | --- | --- |\n", cell(r.Target), r.Conclusion())
	for _, result := range r.Results {
		sign := map[Outcome]string{Passed: "✅", Failed: "❌", Skipped: "➖", Inconclusive: "❔"}[result.Outcome]
		if result.Outcome == Failed && result.Severity == davit.Advisory {
			sign = "⚠️"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", sign, result.ID, result.Severity, timeText(result), cell(result.Reason))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell makes text fit for a cell of a table: nothing in it is Markdown or HTML.
func cell(s string) string {
	var b strings.Builder
	for _, c := range clip(s) {
		if strings.ContainsRune("\\`*_{}[]<>()#+!|~&", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}
