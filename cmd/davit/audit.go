package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/davit-dev/davit"
	"github.com/spf13/cobra"
)

// auditAPI is what the audit commands ask of a server.
type auditAPI interface {
	// Audit lists the entries that the filter chooses, oldest first.
	Audit(ctx context.Context, filter davit.AuditFilter) ([]davit.AuditEntry, error)
	// AuditExport writes the whole log.
	AuditExport(ctx context.Context, w io.Writer) error
	// AuditCheckpoint returns the latest checkpoint, a signed note.
	AuditCheckpoint(ctx context.Context) ([]byte, error)
}

// auditCommands are the commands under "davit audit".
type auditCommands struct {
	connect func(ctx context.Context) (auditAPI, error)
	output  *string // "json" for lines of JSON
}

// newAuditCommand returns "davit audit". connect reaches the server; output is
// the value of the global flag --output.
func newAuditCommand(connect func(ctx context.Context) (auditAPI, error), output *string) *cobra.Command {
	a := &auditCommands{connect, output}
	command := &cobra.Command{
		Use:   "audit",
		Short: "Read and verify the audit log",
		Long: `Every decision and change is an entry of the audit log, with who made it and why.
The log can only grow: each entry is sealed with the server's audit key, and a
signed checkpoint says what the whole log is. Keep a checkpoint elsewhere
(davit audit checkpoint) to find out later whether the log was rewritten.`,
		Args: cobra.NoArgs,
	}
	command.AddCommand(a.list(), a.show(), a.verify(), a.export(), a.checkpoint())
	return command
}

func (a *auditCommands) json() bool { return *a.output == "json" }

// auditPage is how many entries are asked for at once.
const auditPage = 1000

func (a *auditCommands) list() *cobra.Command {
	var filter davit.AuditFilter
	command := &cobra.Command{
		Use:   "list",
		Short: "List entries, oldest first",
		Long:  "List entries, oldest first. With --output json each line is one entry.",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			api, err := a.connect(command.Context())
			if err != nil {
				return err
			}
			return a.printAll(command.Context(), api, filter, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&filter.Application, "application", "", "only entries of this application")
	flags.StringVar(&filter.Environment, "environment", "", "only entries of this environment")
	flags.StringVar(&filter.Rollout, "rollout", "", "only entries of this rollout")
	flags.StringVar((*string)(&filter.Release), "release", "", "only entries of this release, by its ID or its tag in git")
	flags.Int64Var(&filter.From, "from", 0, "begin at this entry")
	flags.IntVar(&filter.Limit, "limit", 0, "list so many entries at most; 0 lists all")
	return command
}

// printAll prints the entries page by page.
func (a *auditCommands) printAll(ctx context.Context, api auditAPI, filter davit.AuditFilter, w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if !a.json() {
		fmt.Fprintln(table, "ENTRY\tTIME\tACTOR\tACTION\tWHERE\tRELEASE\tREASON")
	}
	left := cmp.Or(max(filter.Limit, 0), int(^uint(0)>>1))
	for left > 0 {
		filter.Limit = min(left, auditPage)
		entries, err := api.Audit(ctx, filter)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if a.json() {
				err = json.NewEncoder(w).Encode(e)
			} else {
				_, err = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Index, e.At.UTC().Format(time.RFC3339), printable(e.Actor),
					printable(e.Action), printable(place(e)), printable(shortRelease(e)), printable(e.Reason))
			}
			if err != nil {
				return fmt.Errorf("printing the audit log: %w", err)
			}
		}
		if len(entries) < filter.Limit {
			break
		}
		left -= len(entries)
		filter.From = entries[len(entries)-1].Index + 1
	}
	return table.Flush()
}

// shortRelease returns the version of a release's ID; tags stay whole.
func shortRelease(e davit.AuditEntry) string {
	if e.Action == releaseAction {
		return string(e.Release)
	}
	return e.Release.Short()
}

func place(e davit.AuditEntry) string {
	return strings.Trim(e.Application+"/"+e.Environment, "/")
}

func (a *auditCommands) show() *cobra.Command {
	return &cobra.Command{
		Use:   "show ENTRY",
		Short: "Show one entry with what was before and after",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			index, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || index < 0 {
				return &davit.Error{Code: davit.CodeInvalid, Message: strconv.Quote(args[0]) + " is no entry's number",
					Hint: "entries are numbered from 0; davit audit list prints the numbers"}
			}
			api, err := a.connect(command.Context())
			if err != nil {
				return err
			}
			entries, err := api.Audit(command.Context(), davit.AuditFilter{From: index, Limit: 1})
			if err != nil {
				return err
			}
			if len(entries) == 0 || entries[0].Index != index {
				return &davit.Error{Code: davit.CodeNotFound, Message: fmt.Sprintf("the audit log has no entry %d yet", index),
					Hint: "davit audit list prints the entries"}
			}
			return a.print(entries[0], command.OutOrStdout())
		},
	}
}

// print prints one entry whole.
func (a *auditCommands) print(e davit.AuditEntry, w io.Writer) error {
	if a.json() {
		return json.NewEncoder(w).Encode(e)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"entry", strconv.FormatInt(e.Index, 10)}, {"time", e.At.UTC().Format(time.RFC3339Nano)}, {"actor", e.Actor}, {"action", e.Action},
		{"application", e.Application}, {"environment", e.Environment}, {"rollout", e.Rollout}, {"release", string(e.Release)}, {"reason", e.Reason},
	} {
		if row[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", row[0], printable(row[1]))
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the entry: %w", err)
	}
	for _, part := range []struct {
		name string
		json json.RawMessage
	}{{"before", e.Before}, {"after", e.After}} {
		if len(part.json) == 0 {
			continue
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, part.json, "", "  "); err != nil {
			return fmt.Errorf("printing what was %s: %w", part.name, err)
		}
		lines := strings.Split(indented.String(), "\n")
		for i, line := range lines {
			lines[i] = printable(line)
		}
		fmt.Fprintf(w, "%s\n%s\n", part.name, strings.Join(lines, "\n"))
	}
	return nil
}

// printable replaces what a terminal would act on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
