package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
)

// The exit codes. They are part of the command line's contract.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitHauledBack  = 3
	exitRefused     = 4
	exitUnavailable = 5
	exitDetached    = 130
)

// outcome ends a command with a code, when what there is to say was said.
type outcome int

func (o outcome) Error() string { return fmt.Sprintf("exit code %d", int(o)) }

// usageError returns the error of a command line that was not understood.
func usageError(err error) error {
	if _, ok := errors.AsType[*davit.Error](err); ok {
		return err
	}
	text, hint, _ := strings.Cut(err.Error(), "\n")
	hint = strings.Join(strings.Fields(hint), " ")
	if hint == "" {
		hint = "davit help tells the commands, davit help COMMAND its flags"
	}
	return &davit.Error{Code: davit.CodeInvalid, Message: text, Hint: hint}
}

// report writes an error for people and returns the exit code.
func (a *app) report(err error) int {
	if o, ok := errors.AsType[outcome](err); ok {
		return int(o)
	}
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) {
		return exitDetached
	}
	fmt.Fprint(a.stderr, errorText(err))
	return exitCode(err)
}

// errorText returns what happened, why, and what to do next.
func errorText(err error) string {
	e, ok := errors.AsType[*davit.Error](err)
	if !ok {
		return "davit: " + err.Error() + "\n"
	}
	var b strings.Builder
	message := strings.TrimSuffix(strings.TrimSuffix(err.Error(), e.Error())+e.Message, "\n")
	if strings.Contains(message, "\n") { // problems of a davit.yaml, each over several lines
		fmt.Fprintf(&b, "davit: the configuration is wrong\n%s\n", message)
	} else {
		fmt.Fprintf(&b, "davit: %s\n", message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, "       %s\n", e.Err)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "hint:  %s\n", e.Hint)
	}
	return b.String()
}

func exitCode(err error) int {
	switch davit.ErrorCode(err) {
	case davit.CodeInvalid, davit.CodeNotFound:
		return exitUsage
	case davit.CodeConflict, davit.CodeRefused, davit.CodeUnsupported:
		return exitRefused
	case davit.CodeUnavailable:
		return exitUnavailable
	}
	return exitFailed
}

// exitCodesTopic is help without being a command.
func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `The exit codes of davit:

    0  done: the release is promoted, the rollback is complete
    1  failed: Davit could not do it, or could not haul back; it says which
    2  usage: a wrong command line or davit.yaml, or a name that does not exist
    3  hauled back: the release was rolled out and taken back
    4  refused: something is in the way, or it is not allowed
    5  unavailable: no server answers, or it cannot do it now
    6  nothing: davit release found nothing to release
  130  detached: interrupted with Ctrl-C; the rollout goes on

Davit never leaves half a change, whatever the code: a rollout is driven by the
server, and ends promoted, rolled back or failed without the command.`,
	}
}
