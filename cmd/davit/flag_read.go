package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (a *app) flagShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show KEY", Short: "Show what a flag says", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			record, err := c.Flag(cmd.Context(), application, args[0])
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(record)
			}
			return writeFlag(a.stdout, record)
		},
	}
	a.addPlaceFlags(cmd)
	return cmd
}

func writeFlag(w io.Writer, r *davit.FlagRecord) error {
	f := r.Flag
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"flag", f.Key}, {"type", string(f.Type)}, {"kind", string(f.Kind)}, {"description", f.Description}, {"owner", f.Owner},
		{"tags", strings.Join(f.Tags, ", ")}, {"needed until", momentText(f.Ends())},
		{"revision", fmt.Sprintf("%d, %s by %s", r.Revision, r.At.UTC().Format(time.RFC3339), r.Actor)},
	} {
		if row[1] != "" && row[1] != "-" {
			fmt.Fprintf(table, "%s\t%s\n", row[0], printable(row[1]))
		}
	}
	for _, v := range f.Variants {
		fmt.Fprintf(table, "variant\t%s = %s\n", printable(v.Name), printable(string(v.Value)))
	}
	for _, name := range environmentNames(f) {
		s := f.Environments[name]
		fmt.Fprintf(table, "%s\t%s\n", printable(name), printable(settingsText(s)))
		for _, p := range s.Prerequisites {
			fmt.Fprintf(table, "\twhen %s serves %s\n", printable(p.Flag), printable(strings.Join(p.Variants, " or ")))
		}
		for _, t := range s.Targets {
			fmt.Fprintf(table, "\t%s for %s\n", printable(t.Variant), printable(someOf(t.Keys)))
		}
		for _, rule := range s.Rules {
			fmt.Fprintf(table, "\trule %s\n", ruleText(rule))
		}
	}
	return table.Flush()
}

// someOf lists names, and of many only the first.
func someOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// ruleText tells a rule in a line.
func ruleText(r davit.FlagRule) string {
	text := strings.TrimSpace(r.ID + " " + r.Description)
	if r.Advanced != nil {
		return printable(text + " (JsonLogic)")
	}
	when, err := json.Marshal(r.When)
	if err != nil || r.When == nil {
		when = []byte("everybody")
	}
	return printable(strings.TrimSpace(text + " " + string(when) + ": " + serveText(r.Serve)))
}

func (a *app) flagEvalCommand() *cobra.Command {
	var (
		environment, user, context string
		attributes                 []string
	)
	cmd := &cobra.Command{
		Use: "eval KEY", Short: "Explain step by step what somebody gets of a flag", Args: cobra.ExactArgs(1),
		Example: "davit flag eval checkout-v2 --user anna --attribute plan=pro",
		RunE: func(cmd *cobra.Command, args []string) error {
			who, err := contextOf(context, user, attributes)
			if err != nil {
				return err
			}
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			e, err := c.EvaluateFlag(cmd.Context(), application, args[0], api.FlagEvaluation{Environment: environment, Context: who})
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(e)
			}
			return writeExplanation(a.stdout, e)
		},
	}
	a.addPlaceFlags(cmd)
	addEnvironmentFlag(cmd, &environment)
	cmd.Flags().StringVarP(&user, "user", "u", "", "targeting key of who asks")
	cmd.Flags().StringArrayVar(&attributes, "attribute", nil, "NAME=VALUE of the context; a value that is JSON is taken as such, others as text")
	cmd.Flags().StringVar(&context, "context", "", "the whole context as JSON")
	return cmd
}

// contextOf returns the context that is told by JSON, a user and attributes.
func contextOf(text, user string, attributes []string) (map[string]any, error) {
	context := map[string]any{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &context); err != nil || context == nil {
			return nil, usageError(fmt.Errorf("the context is no object of JSON"))
		}
	}
	for _, attribute := range attributes {
		name, value, ok := strings.Cut(attribute, "=")
		if !ok || name == "" {
			return nil, usageError(fmt.Errorf("%q is no NAME=VALUE", attribute))
		}
		var decoded any
		if err := json.Unmarshal([]byte(value), &decoded); err != nil {
			decoded = value
		}
		maps.Copy(context, map[string]any{name: decoded})
	}
	if user != "" {
		context["targetingKey"] = user
	}
	return context, nil
}

func writeExplanation(w io.Writer, e *api.FlagExplanation) error {
	answer := "the application's own default"
	if e.Variant != "" {
		value, err := json.Marshal(e.Value)
		if err != nil {
			return fmt.Errorf("printing the value: %w", err)
		}
		answer = fmt.Sprintf("%s = %s", e.Variant, value)
	}
	if e.Error != "" {
		answer = e.Error + ": " + e.Message
	}
	fmt.Fprintf(w, "%s in %s: %s (%s)\n", printable(e.Key), printable(e.Environment), printable(answer), e.Reason)
	for _, s := range e.Steps {
		mark := "no "
		if s.Holds {
			mark = "yes"
		}
		if _, err := fmt.Fprintf(w, "  %s%s %s: %s\n", strings.Repeat("  ", s.Depth), mark, printable(s.What), printable(s.Why)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) flagHistoryCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "history KEY", Short: "List the changes of a flag, newest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			list, err := c.FlagHistory(cmd.Context(), application, args[0], 0, limit)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(list.Records)
			}
			return writeFlagHistory(a.stdout, list.Records)
		},
	}
	a.addPlaceFlags(cmd)
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many at most, up to 1000")
	return cmd
}

func writeFlagHistory(w io.Writer, records []davit.FlagRecord) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "REVISION\tTIME\tACTOR\tACTION\tENVIRONMENTS\tWHY")
	for _, r := range records {
		says := environmentsText(r.Flag)
		if r.Deleted {
			says = "-"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", r.Revision, r.At.UTC().Format(time.RFC3339), printable(r.Actor), r.Action, says,
			printable(orDash(r.Comment)))
	}
	return table.Flush()
}

func (a *app) flagRevertCommand() *cobra.Command {
	var (
		e  flagEdit
		to int64
	)
	cmd := &cobra.Command{
		Use: "revert KEY --to REVISION", Short: "Make a flag say again what it said at a revision", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to < 1 {
				return usageError(fmt.Errorf("there is no revision %s", strconv.FormatInt(to, 10)))
			}
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			out, err := c.RevertFlag(cmd.Context(), application, args[0], api.FlagRevert{Revision: to, Comment: e.reason}, e.change())
			if err != nil {
				return err
			}
			return a.writeOutcome(out, &e)
		},
	}
	a.addFlagEdit(cmd, &e)
	cmd.Flags().Int64Var(&to, "to", 0, "revision to go back to (davit flag history)")
	_ = cmd.MarkFlagRequired("to") // it is defined above
	return cmd
}
