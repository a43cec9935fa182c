package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/sqlite"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a copy of the server's store to a file",
		Long: `Write a copy of the store, while the server runs and commits, to a file that only
its owner can read. Everything that was committed before is in it. A FILE that is
there is replaced when the copy is whole. davit restore puts it back.

The audit key is not in it: keep a copy of audit.key elsewhere, once.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := writeWhole(args[0], func(w io.Writer) error { return c.Backup(cmd.Context(), w) }); err != nil {
				return err
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return fmt.Errorf("looking at the backup: %w", err)
			}
			if a.json() {
				return a.writeJSON(map[string]any{"file": args[0], "bytes": info.Size()})
			}
			_, err = fmt.Fprintf(a.stdout, "%s holds the store: %d bytes\n", args[0], info.Size())
			return err
		},
	}
}

func (a *app) restoreCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in place of a stopped server's store",
		Long: `Put a backup in place of the store in the state directory. The server must be
stopped, and its audit key must be there: the backup's audit log is verified with
it, and the restore is the log's next entry. A store that is there is kept beside
it, under the name that is printed.

The server goes back to what the backup says should run. What was recorded after
the backup is in the store that was kept; a later checkpoint shows the difference
(davit audit verify --since).`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.restore(cmd.Context(), args[0], reason) },
	}
	a.addReasonFlag(cmd, &reason, false)
	return cmd
}

// restored is what davit restore prints as JSON.
type restored struct {
	Store   string `json:"store"`
	Entries int64  `json:"entries"`        // of the audit log, before that of the restore
	Kept    string `json:"kept,omitempty"` // where the store is that was replaced
}

func (a *app) restore(ctx context.Context, from, reason string) error {
	dir, err := a.stateDir()
	if err != nil {
		return err
	}
	if err := makeStateDir(dir); err != nil {
		return err
	}
	log, err := existingAuditLog(dir)
	if err != nil {
		return err
	}
	done := restored{Store: filepath.Join(dir, storeFile)}
	done.Kept, err = sqlite.Restore(ctx, done.Store, from, sqlite.Options{Audit: log}, func(ctx context.Context, s *sqlite.Store) error {
		report, err := audit.VerifyStore(ctx, s, log.VerifierKey())
		if fault, ok := errors.AsType[*audit.Fault](err); ok {
			return &davit.Error{Code: davit.CodeRefused, Message: "the audit log in " + from + " is not sound with the key in " + dir + "; nothing was changed", Err: fault,
				Hint: "put the audit.key of the server that was backed up there, or use another backup"}
		}
		if err != nil {
			return err
		}
		done.Entries = report.Size
		entry := davit.AuditEntry{At: a.now().UTC(), Actor: self(), Action: "store.restore", Reason: reason,
			After: fmt.Appendf(nil, `{"entries":%d,"root":%q}`, report.Size, report.Root)}
		return s.Commit(ctx, &davit.Change{Audit: []davit.AuditEntry{entry}})
	})
	if err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(done)
	}
	fmt.Fprintf(a.stdout, "%s is restored, with %d entries in its audit log\n", done.Store, done.Entries)
	if done.Kept != "" {
		fmt.Fprintf(a.stdout, "the store that was there is now %s\n", done.Kept)
	}
	return nil
}

// existingAuditLog returns the log of the audit key in dir. To make a new key would
// make a log that the backup's cannot go on in.
func existingAuditLog(dir string) (*audit.Log, error) {
	path := filepath.Join(dir, auditKeyFile)
	if _, err := os.Stat(path); err != nil {
		return nil, &davit.Error{Code: davit.CodeRefused, Message: "the audit key " + path + " cannot be found; nothing was changed", Err: unwrapPath(err),
			Hint: "copy the audit.key of the server that was backed up there, with mode 0600"}
	}
	key, err := audit.LoadOrCreateKey(path, auditOrigin)
	if err != nil {
		return nil, err
	}
	return audit.New(key), nil
}

// self names the user that runs the command, as the server names one at its socket.
func self() string {
	name := fmt.Sprintf("uid %d", os.Getuid())
	if u, err := user.Current(); err == nil {
		name += " (" + u.Username + ")"
	}
	return name
}
