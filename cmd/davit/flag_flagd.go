package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/flag"
)

// importedFlag says what an import did to a flag.
type importedFlag struct {
	Key      string `json:"key"`
	Revision int64  `json:"revision"`
	Changed  bool   `json:"changed"`
	// Advanced says that its targeting is kept as JsonLogic.
	Advanced bool `json:"advanced,omitempty"`
}

func (a *app) flagImportCommand() *cobra.Command {
	var e flagEdit
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Take over flags from a flag definition of flagd", Args: cobra.ExactArgs(1),
		Long: `Take over flags from a flag definition of flagd (JSON, schema v0), into one
environment; - reads standard input. Users keep the variants that they have.
Targeting that rules cannot say is kept as JsonLogic, and evaluated as flagd does.
What flags say about other environments stays. All flags are taken over, or none.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			src, err := a.input(args[0])
			if err != nil {
				return err
			}
			imported, err := flag.ImportFlagd(e.environment, src)
			if err != nil {
				return err
			}
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			return a.importFlags(cmd.Context(), c, application, imported, &e)
		},
	}
	a.addFlagEdit(cmd, &e)
	addEnvironmentFlag(cmd, &e.environment)
	return cmd
}

// input returns what is in a file, or comes on standard input.
func (a *app) input(path string) (src []byte, err error) {
	if path == "-" {
		src, err = io.ReadAll(a.stdin)
	} else {
		src, err = os.ReadFile(path) //nolint:gosec // the operator's
	}
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the flag definition cannot be read", Err: err}
	}
	return src, nil
}

func (a *app) importFlags(ctx context.Context, c *client.Client, application string, imported *flag.Imported, e *flagEdit) error {
	advanced := map[string]bool{}
	for _, key := range imported.Advanced {
		advanced[key] = true
	}
	i := api.FlagImport{Environment: e.environment, Flags: []davit.Flag{}, Comment: e.reason}
	for _, f := range imported.Flags {
		i.Flags = append(i.Flags, withoutSegments(f, imported.Segments))
	}
	out, err := c.ImportFlags(ctx, application, i, e.dryRun)
	if err != nil {
		return err
	}
	done := make([]importedFlag, 0, len(out.Flags))
	for _, o := range out.Flags {
		key := o.Record.Flag.Key
		done = append(done, importedFlag{Key: key, Revision: o.Record.Revision, Changed: o.Changed, Advanced: advanced[key]})
	}
	if a.json() {
		return a.writeJSON(done)
	}
	for _, f := range done {
		how := fmt.Sprintf("revision %d", f.Revision)
		switch {
		case e.dryRun:
			how = "would be " + how
		case !f.Changed:
			how += ", as before"
		}
		if f.Advanced {
			how += ", targeting kept as JsonLogic"
		}
		if _, err := fmt.Fprintf(a.stdout, "%s %s\n", printable(f.Key), how); err != nil {
			return err
		}
	}
	return nil
}

// withoutSegments returns a flag with the segments that its rules name written out.
func withoutSegments(f davit.Flag, segments []davit.Segment) davit.Flag {
	bySegment := map[string]*davit.FlagCondition{}
	for _, s := range segments {
		bySegment[s.Key] = segmentCondition(s)
	}
	if f.Environments == nil {
		f.Environments = map[string]davit.FlagSettings{}
	}
	for _, settings := range f.Environments {
		for i, rule := range settings.Rules {
			if rule.When != nil {
				when := writtenOut(*rule.When, bySegment)
				settings.Rules[i].When = &when
			}
		}
	}
	return f
}

// segmentCondition returns the condition that the users of a segment meet.
func segmentCondition(s davit.Segment) *davit.FlagCondition {
	in := func(keys []string) davit.FlagCondition {
		values := make([]any, 0, len(keys))
		for _, key := range keys {
			values = append(values, key)
		}
		return davit.FlagCondition{Attribute: "targetingKey", Op: davit.OpIn, Values: values}
	}
	some := []davit.FlagCondition{}
	if len(s.Include) > 0 {
		some = append(some, in(s.Include))
	}
	if s.When != nil {
		some = append(some, *s.When)
	}
	if len(some) == 0 {
		nobody := davit.FlagCondition{Attribute: "targetingKey", Op: davit.OpPresent}
		return &davit.FlagCondition{All: []davit.FlagCondition{nobody, {Not: &nobody}}}
	}
	condition := some[0]
	if len(some) > 1 {
		condition = davit.FlagCondition{Any: some}
	}
	if len(s.Exclude) > 0 {
		excluded := in(s.Exclude)
		condition = davit.FlagCondition{All: []davit.FlagCondition{{Not: &excluded}, condition}}
	}
	return &condition
}

// writtenOut replaces segments by what they say. Segments may name others; that
// they do not go round was looked at when they were read.
func writtenOut(c davit.FlagCondition, segments map[string]*davit.FlagCondition) davit.FlagCondition {
	if s := segments[c.Segment]; c.Segment != "" && s != nil {
		return writtenOut(*s, segments)
	}
	if c.Not != nil {
		not := writtenOut(*c.Not, segments)
		c.Not = &not
	}
	for _, list := range []*[]davit.FlagCondition{&c.All, &c.Any} {
		if *list == nil {
			continue
		}
		written := make([]davit.FlagCondition, 0, len(*list))
		for _, one := range *list {
			written = append(written, writtenOut(one, segments))
		}
		*list = written
	}
	return c
}

func (a *app) flagExportCommand() *cobra.Command {
	var environment string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the flags of an environment as a flag definition of flagd", Args: cobra.NoArgs,
		Long: `Write the flags of an environment as a flag definition of flagd (JSON, schema v0)
to standard output. What flagd cannot say is left out, and told; then the exit code
is 1.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			records, err := allFlags(cmd.Context(), c, application)
			if err != nil {
				return err
			}
			flags := make([]davit.Flag, 0, len(records))
			for _, r := range records {
				flags = append(flags, r.Flag)
			}
			exported, err := flag.ExportFlagd(environment, flags, nil)
			if err != nil {
				return err
			}
			if err := a.writeJSON(exported.Definition); err != nil {
				return err
			}
			for _, left := range exported.Left {
				fmt.Fprintf(a.stderr, "left out: %s: %s\n", printable(left.Place), printable(left.Message))
			}
			if len(exported.Left) > 0 {
				return outcome(exitFailed)
			}
			return nil
		},
	}
	a.addPlaceFlags(cmd)
	addEnvironmentFlag(cmd, &environment)
	return cmd
}
