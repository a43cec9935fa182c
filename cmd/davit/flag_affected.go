package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/davit-dev/davit"
)

// writeAffected tells whom a change would affect: of those who were named, or else of
// those who were seen lately.
func writeAffected(w io.Writer, affected map[string]davit.FlagAffected, named bool) error {
	who := "users seen lately"
	if named {
		who = "users of --contexts"
	}
	for _, name := range slices.Sorted(maps.Keys(affected)) {
		of := affected[name]
		if _, err := fmt.Fprintf(w, "In %s, %d of %d %s would get another value.\n", printable(name), of.Changed, of.Contexts, who); err != nil {
			return err
		}
	}
	return nil
}

// contextsMost bounds the contexts of a dry run, as the server does.
const contextsMost = 10_000

// contextsFile is the contexts of a file that a flag of the command line names: objects
// of JSON, one after the other, or in a list.
type contextsFile []map[string]any

// String is pflag.Value's.
func (c *contextsFile) String() string { return "" }

// Type is pflag.Value's.
func (c *contextsFile) Type() string { return "file" }

// Set is pflag.Value's: it reads the file.
func (c *contextsFile) Set(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was read
	*c = nil
	for decoder := json.NewDecoder(f); ; {
		var value json.RawMessage
		if err := decoder.Decode(&value); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("it is no JSON: %w", err)
		}
		var list []map[string]any
		var one map[string]any
		if json.Unmarshal(value, &one) == nil {
			list = append(list, one)
		} else if json.Unmarshal(value, &list) != nil {
			return fmt.Errorf("context %d is no object", len(*c)+1)
		}
		if *c = append(*c, list...); len(*c) > contextsMost {
			return fmt.Errorf("it holds more than %d contexts", contextsMost)
		}
	}
	if len(*c) == 0 || slices.ContainsFunc(*c, func(context map[string]any) bool { return context == nil }) {
		return errors.New("it holds no context, or one that is null")
	}
	return nil
}
