package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/receipt"
	"github.com/davit-dev/davit/internal/report"
)

func (a *app) reportCommand() *cobra.Command {
	var path, key string
	cmd := &cobra.Command{
		Use:   "report ROLLOUT",
		Short: "Draw a rollout's receipt as a web page",
		Long: `Draw the receipt of a rollout as one web page, to attach it to a change ticket:
what the witness measured, plots of split, errors, latency, requests and
instances, the gates on a time line, and the signed receipt itself. The page
needs no network. ROLLOUT may be an environment, for its last rollout that has
ended. The receipt is verified with the public key first.

With -o json the receipt's statement and what was sampled are printed instead.`,
		Example: `  davit report 0dqj2k3l4m5n6p7q -o report.html`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, err := a.client()
			if err != nil {
				return err
			}
			source, err := a.reportSource(ctx, c, args[0], key)
			if err != nil {
				return err
			}
			switch path {
			case "json":
				return a.writeJSON(reportData{source.Statement, source.Samples, source.Seal.Verified})
			case "-":
				return report.Write(a.stdout, source)
			case "":
				path = "report-" + source.Statement.Predicate.Rollout.ID + ".html"
			}
			if err := writeWhole(path, func(w io.Writer) error { return report.Write(w, source) }); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %s\n", path, source.Seal.Text)
			return err
		},
	}
	// In place of the flag of all commands.
	cmd.Flags().StringVarP(&path, "output", "o", "", "file to write, - for the standard output, or json (default report-ROLLOUT.html)")
	cmd.Flags().StringVar(&key, "key", "", "file with the server's public audit key (default that of --state)")
	return cmd
}

// reportData is the report for machines.
type reportData struct {
	Statement receipt.Statement `json:"statement"`
	Samples   *receipt.Series   `json:"samples,omitempty"`
	Verified  bool              `json:"verified"`
}

// reportSource gets what a report shows. A receipt that is not sound is refused;
// one that cannot be verified, because there is no key here, is shown as such.
func (a *app) reportSource(ctx context.Context, c *client.Client, rollout, key string) (s report.Source, err error) {
	if s.File, err = a.fetchReceipt(ctx, rollout); err != nil {
		return s, err
	}
	public, err := a.publicKey(key)
	switch {
	case err != nil && key != "":
		return s, err
	case err != nil:
		s.Seal.Text = "The receipt was not verified: there was no public key."
		if s.Statement, _, err = receipt.Read(s.File); err != nil {
			return s, err
		}
	default:
		verified, err := receipt.Verify(s.File, public)
		if err != nil {
			return s, a.receiptVerdict("of rollout "+rollout, nil, err)
		}
		s.Statement = verified.Statement
		s.Seal = report.Seal{Verified: true, Text: fmt.Sprintf("The receipt is sound: signed by %s, entry %d of an audit log of %d.", verified.KeyID, verified.Entry, verified.Size)}
	}
	if s.Evidence, err = evidenceCharts(ctx, c, s.Statement); err != nil {
		return s, err
	}
	if s.Statement.Predicate.Samples == nil {
		return s, nil
	}
	doc, err := c.Samples(ctx, s.Statement.Predicate.Rollout.ID)
	if davit.ErrorCode(err) == davit.CodeNotFound { // they were pruned with the journal
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.Samples, err = s.Statement.SeriesOf(doc)
	return s, err
}
