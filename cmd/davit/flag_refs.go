package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/refs"
)

func (a *app) flagRefsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "refs [DIR]", Short: "Compare the flags with the source code that names them", Args: cobra.MaximumNArgs(1),
		Long: `Look through a source tree (the working directory) for the keys of the flags, as
texts in quotes, and list the flags that no code names, and the keys that code asks
OpenFeature for and no flag has. The exit code is 1 when there are any.

Folders whose name begins with a dot, node_modules, vendor, third_party and
testdata are passed over.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			records, err := allFlags(cmd.Context(), c, application)
			if err != nil {
				return err
			}
			keys := make([]string, 0, len(records))
			for _, r := range records {
				keys = append(keys, r.Flag.Key)
			}
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return &davit.Error{Code: davit.CodeInvalid, Message: dir + " is no folder", Err: err, Hint: "name the root of the application's source code"}
			}
			found, err := refs.Scan(cmd.Context(), os.DirFS(dir), keys)
			if err != nil {
				return err
			}
			if a.json() {
				err = a.writeJSON(found)
			} else {
				err = writeRefs(a.stdout, found, len(keys))
			}
			if err == nil && len(found.Unnamed)+len(found.Unknown) > 0 {
				err = outcome(exitFailed)
			}
			return err
		},
	}
	a.addPlaceFlags(cmd)
	return cmd
}

func writeRefs(w io.Writer, found *refs.Found, flags int) error {
	for _, key := range found.Unnamed {
		fmt.Fprintf(w, "%s is named by no code\n", printable(key))
	}
	for _, u := range found.Unknown {
		fmt.Fprintf(w, "%s:%d asks for %s, and there is no such flag\n", printable(u.File), u.Line, printable(u.Key))
	}
	_, err := fmt.Fprintf(w, "%d of %d flags are named in the code\n", len(found.Named), flags)
	return err
}
