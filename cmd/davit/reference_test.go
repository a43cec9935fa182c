package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestReferenceIsCommitted generates the reference of the command line.
func TestReferenceIsCommitted(t *testing.T) {
	root := newApp(nil, nil, nil).rootCommand()
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	b.WriteString("# The command line\n\nGenerated from the program by `go test ./cmd/davit -run Reference -update`.\n")
	fmt.Fprintf(&b, "\n## Flags of all commands\n\n```text\n%s```\n", root.PersistentFlags().FlagUsages())
	reference(&b, root)
	compare(t, "../../docs/reference/cli.md", b.String())
}

func reference(b *strings.Builder, cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		if c.Hidden || c.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		long := c.Long
		if long == "" {
			long = c.Short + "."
		}
		if c.IsAdditionalHelpTopicCommand() {
			fmt.Fprintf(b, "\n## %s\n\n```text\n%s\n```\n", c.Short, strings.TrimSpace(long))
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n", c.CommandPath())
		if c.Name() == "completion" {
			fmt.Fprintf(b, "%s\n\n```text\ndavit completion bash|zsh|fish|powershell\n```\n", c.Short)
			continue
		}
		fmt.Fprintf(b, "%s\n", strings.TrimSpace(long))
		if c.Runnable() {
			fmt.Fprintf(b, "\n```text\n%s\n%s```\n", c.UseLine(), c.NonInheritedFlags().FlagUsages())
		}
		if c.Example != "" {
			fmt.Fprintf(b, "\n```sh\n%s\n```\n", c.Example)
		}
		reference(b, c)
	}
}

// TestCommandsSayWhatTheyDo holds the tree of commands to what a user expects.
func TestCommandsSayWhatTheyDo(t *testing.T) {
	root := newApp(nil, nil, nil).rootCommand()
	for _, name := range strings.Fields("serve deploy plan rollback abort abandon pause resume promote down status history logs audit config version exit-codes") {
		c, _, err := root.Find([]string{name})
		if err != nil || c.Name() != name || c.Short == "" || c.Hidden {
			t.Errorf("davit %s: %v, %q", name, err, c.Short)
		}
	}
	if c, _, err := root.Find([]string{"proxy"}); err != nil || !c.Hidden {
		t.Errorf("davit proxy is not hidden (%v)", err)
	}
}
