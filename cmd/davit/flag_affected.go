package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/davit-dev/davit"
)

// writeAffected tells whom a change would affect, of those who were seen lately.
func writeAffected(w io.Writer, affected map[string]davit.FlagAffected) error {
	for _, name := range slices.Sorted(maps.Keys(affected)) {
		of := affected[name]
		if _, err := fmt.Fprintf(w, "In %s, %d of %d users seen lately would get another value.\n", printable(name), of.Changed, of.Contexts); err != nil {
			return err
		}
	}
	return nil
}
