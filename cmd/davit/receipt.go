package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/receipt"
)

func (a *app) receiptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "receipt",
		Short: "Show, verify and export the signed receipts of rollouts",
		Long: `Every rollout that has ended has a receipt: what was asked for and by whom, what
ran, every stage and every gate's verdict, and what the witness measured. It is
signed with the server's audit key, and the audit log holds its digest.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(a.receiptShow(), a.receiptVerify(), a.receiptExport())
	return cmd
}

func (a *app) receiptShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ROLLOUT",
		Short: "Show what a receipt says",
		Long: `Show what the receipt of a rollout says. With --output json it is the in-toto
statement. ROLLOUT is a rollout's ID, an environment, which means its last rollout
that has ended, or the file of an exported receipt. Nothing is verified: davit
receipt verify does that.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := a.receiptFile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			statement, raw, err := receipt.Read(file)
			if err != nil {
				return &davit.Error{Code: davit.CodeInvalid, Message: args[0] + " is no receipt", Err: err}
			}
			if a.json() {
				return a.writeJSON(raw)
			}
			_, err = io.WriteString(a.stdout, printableLines(statement.Text()))
			return err
		},
	}
}

func (a *app) receiptExport() *cobra.Command {
	return &cobra.Command{
		Use:   "export ROLLOUT [FILE]",
		Short: "Write a receipt to a file or the standard output",
		Long: `Write the receipt of a rollout, or of the last one of an environment. That and the server's public audit key are all
that davit receipt verify needs. Its field dsseEnvelope is what other in-toto
tools read.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := a.receiptFile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(args) == 1 || args[1] == "-" {
				_, err = a.stdout.Write(file)
				return err
			}
			return writeWhole(args[1], func(w io.Writer) error {
				_, err := w.Write(file)
				return err
			})
		},
	}
}

func (a *app) receiptVerify() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "verify ROLLOUT|FILE",
		Short: "Verify a receipt with the public key alone",
		Long: `Verify a receipt: that it is signed by the server's key, and that the audit log
that the same key has signed holds its digest. Of a receipt that was changed, the
part is named, and the field where that can be told. A FILE is verified without a
server. FILE - is the standard input.

With --output json the answer is {"sound": true, "receipt": {statement, keyId,
entry, size}} or {"sound": false, "fault": {part, fields, detail}}.`,
		Example: `  davit receipt export 0dqj2k3l4m5n6p7q receipt.json
  davit receipt verify receipt.json --key audit.key.pub`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			public, err := a.publicKey(key)
			if err != nil {
				return err
			}
			file, err := a.receiptFile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			verified, err := receipt.Verify(file, public)
			return a.receiptVerdict(args[0], verified, err)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "file with the server's public audit key (default that of --state)")
	return cmd
}

// publicKey reads the public key that is named, or that of the server on this
// machine.
func (a *app) publicKey(path string) (*audit.Public, error) {
	if path == "" {
		dir, err := a.stateDir()
		if err != nil {
			return nil, err
		}
		path = filepath.Join(dir, auditKeyFile+".pub")
	}
	text, err := os.ReadFile(path) //nolint:gosec // the user's path
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the public audit key cannot be read", Err: err,
			Hint: "give the .pub file that lies beside the server's audit key with --key"}
	}
	return audit.ParsePublic(strings.TrimSpace(string(text)))
}

// receiptVerdict prints what a verification found.
func (a *app) receiptVerdict(name string, v *receipt.Verified, err error) error {
	fault, faulty := errors.AsType[*receipt.Fault](err)
	if err != nil && !faulty {
		return err
	}
	if a.json() {
		answer := struct {
			Sound   bool              `json:"sound"`
			Receipt *receipt.Verified `json:"receipt,omitempty"`
			Fault   *receipt.Fault    `json:"fault,omitempty"`
		}{!faulty, v, fault}
		if err := a.writeJSON(answer); err != nil {
			return err
		}
	}
	if faulty {
		hint := "nothing in it can be trusted; davit receipt export writes it anew"
		if fault.Part == receipt.PartKey {
			hint = "give the key of the server that made it with --key"
		}
		return &davit.Error{Code: davit.CodeRefused, Message: "the receipt " + name + " is not sound", Err: fault, Hint: hint}
	}
	if a.json() {
		return nil
	}
	r := v.Statement.Predicate.Rollout
	_, err = fmt.Fprintf(a.stdout, "%s is sound: rollout %s of %s/%s, %s\nsigned by %s; entry %d of an audit log of %d\n",
		name, printable(r.ID), printable(r.Application), printable(r.Environment), printable(string(v.Statement.Predicate.Outcome)), v.KeyID, v.Entry, v.Size)
	return err
}

// receiptFile returns a receipt: of the file that is named, if there is one, or
// else of the rollout.
func (a *app) receiptFile(ctx context.Context, name string) ([]byte, error) {
	in := io.NopCloser(a.stdin)
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the user's path
		if errors.Is(err, fs.ErrNotExist) && filepath.Base(name) == name && filepath.Ext(name) == "" {
			return a.fetchReceipt(ctx, name)
		}
		if err != nil {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the receipt cannot be read", Err: err,
				Hint: "davit receipt export ROLLOUT FILE writes one"}
		}
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, receipt.MaxBytes+1)) // one too many is no receipt
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("reading the receipt %s: %w", name, err)
	}
	return text, nil
}

// fetchReceipt gets the receipt of a rollout from the server, or that of the last
// rollout of an environment which has ended.
func (a *app) fetchReceipt(ctx context.Context, name string) ([]byte, error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	file, err := c.Receipt(ctx, name)
	if davit.ErrorCode(err) != davit.CodeNotFound {
		return file, err
	}
	application, noEnvironment := a.applicationOf(ctx, c, name)
	if noEnvironment != nil {
		return nil, err
	}
	list, err := c.History(ctx, application, name, recentRollouts)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if r.Phase.Ended() {
			return c.Receipt(ctx, r.ID)
		}
	}
	return nil, &davit.Error{Code: davit.CodeNotFound, Message: fmt.Sprintf("no rollout of %s/%s has ended yet", application, name),
		Hint: "a rollout gets its receipt when its rollback window has passed, or when it was hauled back"}
}

// recentRollouts is among how many the last one that has ended is looked for:
// only queued ones and one that goes on are newer.
const recentRollouts = 100

// printableLines replaces what a terminal would act on, and keeps the lines.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}
