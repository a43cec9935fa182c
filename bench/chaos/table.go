package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/davit-dev/davit"
)

// row is what came of one scene.
type row struct {
	What       string `json:"what"`
	Times      int    `json:"times"`
	Rollouts   int    `json:"rollouts"`
	Promoted   int    `json:"promoted"`
	RolledBack int    `json:"rolledBack"`
	Sent       int64  `json:"sent"`
	// Lost requests got no proper answer. The wrong answers that the failing
	// release gave itself before it was hauled back are Bad, and not among them.
	Lost       int64          `json:"lost"`
	Bad        int64          `json:"bad"`
	LongestGap davit.Duration `json:"longestGap"`
	// Streams were open, one after the other; Cut of them not in the way of their
	// protocol.
	Streams  int64          `json:"streams"`
	Cut      int64          `json:"cut"`
	Took     davit.Duration `json:"took"`
	Problems []string       `json:"problems,omitempty"`
}

func (r *row) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func writeTable(out io.Writer, rows []row) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "WHAT\tTIMES\tROLLOUTS\tPROMOTED\tHAULED BACK\tREQUESTS\tLOST\tBAD\tSTREAMS\tCUT\tLONGEST GAP\tTOOK\t")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t\n", r.What, r.Times, r.Rollouts, r.Promoted, r.RolledBack,
			r.Sent, r.Lost, r.Bad, r.Streams, r.Cut, r.LongestGap.D().Round(time.Millisecond), r.Took.D().Round(time.Second))
	}
	return table.Flush()
}

// broken returns the promises that were broken, nil when all were kept.
func broken(rows []row) error {
	var errs []error
	for _, r := range rows {
		for _, problem := range r.Problems {
			errs = append(errs, fmt.Errorf("%s: %s", r.What, problem))
		}
	}
	return errors.Join(errs...)
}
