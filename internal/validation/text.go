package validation

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/davit-dev/davit"
)

// WriteText writes the report for people. With all also the evidence of what
// passed.
func (r *Report) WriteText(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", clip(r.Target))
	if r.Version != "" {
		fmt.Fprintf(&b, "  %s", clip(r.Version))
	}
	b.WriteString("\n\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, result := range r.Results {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", word(result.Outcome), result.ID, result.Severity, timeText(result), result.Reason)
	}
	_ = table.Flush() // a builder takes everything
	for _, result := range r.Results {
		if result.Outcome == Failed || all {
			result.writeEvidence(&b)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.Conclusion())
	_, err := io.WriteString(w, b.String())
	return err
}

func word(o Outcome) string {
	switch o {
	case Failed:
		return "FAIL"
	case Skipped:
		return "skip"
	case Inconclusive:
		return "open"
	}
	return "pass"
}

func timeText(r Result) string {
	if r.Outcome == Skipped {
		return ""
	}
	return r.Took.D().Round(time.Millisecond).String()
}

func (r *Result) writeEvidence(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s %s: %s\n", word(r.Outcome), r.ID, r.Proves)
	for _, e := range r.Evidence {
		if e.Held && r.Outcome == Failed {
			continue
		}
		fmt.Fprintf(b, "  asked     %s\n  came      %s\n  expected  %s\n", e.Asked, e.Came, e.Expected)
	}
	if len(r.Evidence) == 0 {
		fmt.Fprintf(b, "  %s\n", r.Reason)
	}
	if r.Hint != "" {
		fmt.Fprintf(b, "  hint      %s\n", r.Hint)
	}
}

// Conclusion says the counts in a sentence.
func (r *Report) Conclusion() string {
	c := r.Counts
	parts := []string{fmt.Sprintf("%d passed", c.Passed)}
	if c.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed (%d of them required)", c.Failed, c.Required))
	}
	if c.Inconclusive > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be told", c.Inconclusive))
	}
	if c.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", c.Skipped))
	}
	return fmt.Sprintf("%d checks in %s: %s", len(r.Results), davit.Duration(r.Took.D().Round(time.Millisecond)), strings.Join(parts, ", "))
}

// Faults names the required checks that failed, with why; it falls back to those
// that could not be told.
func (r *Report) Faults() string {
	for _, wanted := range []Outcome{Failed, Inconclusive} {
		var faults []string
		for _, result := range r.Results {
			if result.Outcome == wanted && result.Severity == davit.Required {
				faults = append(faults, result.ID+": "+result.Reason)
			}
		}
		if len(faults) > 0 {
			return strings.Join(faults, "; ")
		}
	}
	return ""
}
