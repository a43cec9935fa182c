package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/spf13/cobra"
)

func (a *auditCommands) verify() *cobra.Command {
	var key string
	var since []string
	command := &cobra.Command{
		Use:   "verify EXPORT --key PUBLIC-KEY",
		Short: "Verify an export, without a server",
		Long: `Verify an export with the server's public audit key alone. When an entry was
changed, removed, moved, or the end cut off, the first bad entry is named. With
an older checkpoint (--since, may be repeated) it is found too when the log was
rolled back, or rewritten by the holder of the key. EXPORT - is the standard input.

With --output json the answer is {"sound": true, "log": {origin, size, root,
checkpoint}} or {"sound": false, "fault": {kind, entry, line, detail}}.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			public, err := os.ReadFile(key) //nolint:gosec // the user's path
			if err != nil {
				return &davit.Error{Code: davit.CodeInvalid, Message: "the public audit key cannot be read", Err: err,
					Hint: "give the .pub file that lies beside the server's audit key with --key"}
			}
			var older [][]byte
			for _, path := range since {
				checkpoint, err := os.ReadFile(path) //nolint:gosec // the user's path
				if err != nil {
					return &davit.Error{Code: davit.CodeInvalid, Message: "the older checkpoint cannot be read", Err: err}
				}
				older = append(older, checkpoint)
			}
			in, err := input(args[0], command.InOrStdin())
			if err != nil {
				return err
			}
			report, err := audit.Verify(in, strings.TrimSpace(string(public)), older...)
			return a.verdict(command.OutOrStdout(), args[0], report, len(older), errors.Join(err, in.Close()))
		},
	}
	command.Flags().StringVar(&key, "key", "", "file with the server's public audit key")
	command.Flags().StringArrayVar(&since, "since", nil, "file with a checkpoint that was kept from before")
	if err := command.MarkFlagRequired("key"); err != nil { // the flag is defined above
		panic(err)
	}
	return command
}

// verdict prints what a verification found. A log that is not sound is an error.
func (a *auditCommands) verdict(w io.Writer, path string, report audit.Report, older int, err error) error {
	fault, faulty := errors.AsType[*audit.Fault](err)
	if err != nil && !faulty {
		return err
	}
	if a.json() {
		answer := struct {
			Sound bool          `json:"sound"`
			Log   *audit.Report `json:"log,omitempty"`
			Fault *audit.Fault  `json:"fault,omitempty"`
		}{Sound: !faulty, Fault: fault}
		if !faulty {
			answer.Log = &report
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			return fmt.Errorf("printing the answer: %w", err)
		}
	}
	if faulty {
		hint := "nothing in the export can be trusted"
		if fault.Kind != audit.Forked && fault.Entry > 0 {
			hint = fmt.Sprintf("entries 0 to %d are as they were sealed", fault.Entry-1)
		}
		return &davit.Error{Code: davit.CodeRefused, Message: "the audit log in " + path + " is not sound", Err: fault,
			Hint: hint + "; keep the file, and compare it with another export or a backup of the store"}
	}
	if a.json() {
		return nil
	}
	_, err = fmt.Fprintf(w, "%s is sound: %d entries of %s\nroot %s\n", path, report.Size, report.Origin, report.Root)
	if err == nil && older > 0 {
		_, err = fmt.Fprintln(w, "it contains all that the older checkpoint covers")
	}
	return err
}

// input opens the file to verify; "-" is the standard input.
func input(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(path) //nolint:gosec // the user's path
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the export cannot be read", Err: err,
			Hint: "davit audit export FILE writes one"}
	}
	return file, nil
}
