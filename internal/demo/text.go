package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/davit-dev/davit"
)

// WriteText writes the report as one table, for people.
func (r *Report) WriteText(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nThe first release served %s after the command. Then, under %.0f requests/s:\n\n", round(r.First), r.Rate)
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "\tRELEASE\tENDED\tSENT\tLOST\tBAD\tLONGEST GAP\tP99\tSWITCHED IN\tHAULED BACK IN")
	for _, s := range r.Scenes {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", s.Title, s.Version, s.Ending, s.Sent, s.LostCount, s.Bad,
			round(s.LongestGap), round(s.P99), orDash(s.Switched), orDash(s.HauledBack))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, `
lost           requests without a proper answer, whatever the reason
bad            wrong answers that the failing release gave before it was hauled back
switched in    from the command to the last answer of the release before
hauled back in from the first bad answer until all traffic was on the stable release

Of %d confirmed orders %d are missing and %d doubled.
`, r.Orders.Confirmed, r.Orders.Missing, r.Orders.Doubled)
	r.verdict(&b)
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Report) verdict(b *strings.Builder) {
	for _, s := range r.Scenes {
		if s.Behind {
			fmt.Fprintf(b, "During %q the load generator did not keep its rate: this machine was busy.\n", s.Title)
		}
		for _, problem := range s.Problems {
			fmt.Fprintf(b, "PROBLEM: %s: %s\n", s.Title, problem)
		}
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(b, "PROBLEM: %s\n", problem)
	}
	for _, process := range r.Left {
		fmt.Fprintf(b, "PROBLEM: left running: %s\n", process)
	}
	if r.Passed() {
		fmt.Fprintf(b, "Nothing was lost, every bad release was hauled back, no process is left. Took %s.\n", time.Duration(r.Took).Round(time.Second))
	}
}

func orDash(d davit.Duration) string {
	if d == 0 {
		return "-"
	}
	return round(d)
}

// round formats a duration as exactly as the measurement is.
func round(d davit.Duration) string {
	if d.D() >= time.Second {
		return fmt.Sprintf("%.1fs", d.D().Seconds())
	}
	return d.D().Round(time.Millisecond).String()
}
