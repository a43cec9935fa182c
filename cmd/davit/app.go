package main

import (
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/client"
)

// app is what all commands share: where they read and write, and the flags that
// every one of them has.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	args           []string // of the program

	state       string // --state
	server      string // --server
	output      string // --output
	application string // --application
	file        string // --file
	noColor     bool   // --no-color

	began bool // the command line was understood
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
}

// rootCommand returns the command with all its subcommands.
func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "davit",
		Short: "Deploy without losing a request, and haul bad releases back",
		Long: `Davit lowers a new release into production while the old one keeps serving,
watches it, and hauls it back by itself when it misbehaves.

What an application is and how it wants to be deployed stands in davit.yaml.`,
		Version:           version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.checkFlags() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args:              cobra.NoArgs,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	flags := root.PersistentFlags()
	flags.StringVar(&a.server, "server", "", "server to speak to: unix:PATH, https://HOST:PORT (default $DAVIT_SERVER, else the one of --state)")
	flags.StringVar(&a.state, "state", "", "the server's state directory (default $DAVIT_STATE, else /var/lib/davit for root, ~/.local/state/davit for others)")
	flags.StringVarP(&a.output, "output", "o", "text", "text or json")
	flags.BoolVar(&a.noColor, "no-color", false, "no colours (also with $NO_COLOR set)")
	root.AddCommand(
		a.serveCommand(), a.deployCommand(), a.planCommand(), a.rollbackCommand(),
		a.abortCommand(), a.abandonCommand(), a.pauseCommand(), a.resumeCommand(), a.promoteCommand(), a.downCommand(),
		a.statusCommand(), a.historyCommand(), a.logsCommand(), a.versionCommand(), exitCodesTopic(),
	)
	root.AddCommand(otherCommands(a)...)
	a.noteBegin(root)
	return root
}

// noteBegin makes all commands note that they began: errors from before are of
// a command line that was not understood.
func (a *app) noteBegin(cmd *cobra.Command) {
	if do := cmd.RunE; do != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.began = true
			return do(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		a.noteBegin(c)
	}
}

func (a *app) checkFlags() error {
	if a.output != "text" && a.output != "json" {
		return &davit.Error{Code: davit.CodeInvalid, Message: "there is no output " + a.output, Hint: "use --output text or --output json"}
	}
	return nil
}

func (a *app) json() bool { return a.output == "json" }

// terminal returns the terminal that stdout is, and whether it is one.
func (a *app) terminal() (fd int, ok bool) {
	f, ok := a.stdout.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd()) //nolint:gosec // file descriptors are small
	return fd, term.IsTerminal(fd)
}

// color reports whether to write colours on a terminal.
func (a *app) color() bool { return !a.noColor && os.Getenv("NO_COLOR") == "" }

// client returns a client of the server that flags and environment name.
func (a *app) client() (*client.Client, error) {
	address, err := a.address()
	if err != nil {
		return nil, err
	}
	return client.New(address, os.Getenv("DAVIT_TOKEN"))
}

// address returns where the server is.
func (a *app) address() (string, error) {
	if a.server != "" {
		return a.server, nil
	}
	if server := os.Getenv("DAVIT_SERVER"); server != "" && a.state == "" {
		return server, nil
	}
	socket, err := a.socket()
	return "unix:" + socket, err
}

// own reports whether the server is this user's own on this machine, which
// davit starts when it does not run.
func (a *app) own() bool {
	return a.server == "" && (a.state != "" || os.Getenv("DAVIT_SERVER") == "")
}
