package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (a *app) flagKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "key", Short: "Manage the keys that applications read flags with", Args: cobra.NoArgs,
		Long: `Manage the keys that applications read flags with. A key is for one environment,
and of a kind: server keys evaluate all flags; client keys, which stand in web
pages, those that are marked client-side; read-only keys read what flags say too;
admin keys change that. A key is shown once, when it is made.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.keyListCommand(), a.keyCreateCommand(), a.keyRotateCommand(), a.keyRevokeCommand())
	return cmd
}

func (a *app) keyListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys of an application", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			keys, err := c.AccessKeys(cmd.Context(), application)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(keys)
			}
			return writeKeys(a.stdout, keys, a.now())
		},
	}
	a.addPlaceFlags(cmd)
	return cmd
}

func writeKeys(w io.Writer, keys []davit.AccessKey, now time.Time) error {
	if len(keys) == 0 {
		_, err := fmt.Fprintln(w, "No key yet.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tENVIRONMENT\tKIND\tNAME\tCREATED\tEXPIRES\tLAST USED")
	for _, k := range keys {
		expires := timeText(k.ExpiresAt)
		if k.Expired(now) {
			expires = "expired"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Environment, k.Kind, printable(k.Name), timeText(k.CreatedAt), expires, timeText(k.LastUsedAt))
	}
	return table.Flush()
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func (a *app) keyCreateCommand() *cobra.Command {
	var (
		k           api.AccessKeyCreation
		environment string
		kind        string
		lifetime    time.Duration
	)
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a key, and show it this once", Args: cobra.ExactArgs(1),
		Example: "davit flag key create shop-web --kind client -e production",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			k.Name, k.Environment, k.Kind, k.Lifetime = args[0], environment, davit.AccessKeyKind(kind), davit.Duration(lifetime)
			key, err := c.CreateAccessKey(cmd.Context(), application, k)
			if err != nil {
				return err
			}
			return a.writeNewKey(key)
		},
	}
	a.addPlaceFlags(cmd)
	addEnvironmentFlag(cmd, &environment)
	cmd.Flags().StringVar(&kind, "kind", string(davit.AccessServer), "server, client, read-only or admin")
	cmd.Flags().DurationVar(&lifetime, "expires-in", 0, "how long it is taken, such as 2160h; 0 is for ever")
	return cmd
}

// writeNewKey prints the key alone on stdout, so that a script can take it, and
// what people want to know of it beside that.
func (a *app) writeNewKey(key *api.NewAccessKey) error {
	if a.json() {
		return a.writeJSON(key)
	}
	fmt.Fprintf(a.stderr, "%s key %s (%s) for %s; this is the only time that it is shown\n", key.Kind, key.ID, printable(key.Name), key.Environment)
	_, err := fmt.Fprintln(a.stdout, key.Key)
	return err
}

func (a *app) keyRotateCommand() *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate ID", Short: "Make a key in place of another, which is taken for a while longer", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			key, err := c.RotateAccessKey(cmd.Context(), application, args[0], api.AccessKeyRotation{Overlap: davit.Duration(overlap)})
			if err != nil {
				return err
			}
			return a.writeNewKey(key)
		},
	}
	a.addPlaceFlags(cmd)
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old one is still taken")
	return cmd
}

func (a *app) keyRevokeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "Let a key expire at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			key, err := c.RevokeAccessKey(cmd.Context(), application, args[0], reason)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(key)
			}
			_, err = fmt.Fprintf(a.stdout, "key %s (%s) is taken no more\n", key.ID, printable(key.Name))
			return err
		},
	}
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &reason, false)
	return cmd
}
