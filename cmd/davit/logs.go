package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit/internal/api"
)

func (a *app) logsCommand() *cobra.Command {
	query := api.LogQuery{}
	cmd := &cobra.Command{
		Use:   "logs ENVIRONMENT",
		Short: "Print what the instances wrote",
		Long: `Print what the instances of an environment wrote, of ended ones too as long as
their logs are kept. With --output json each line is an object.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, application, err := a.target(ctx, args[0])
			if err != nil {
				return err
			}
			query.Application, query.Environment = application, args[0]
			for line, err := range c.Logs(ctx, query) {
				if ctx.Err() != nil {
					return nil // Ctrl-C is how following ends
				}
				if err != nil {
					return err
				}
				if err := a.writeLogLine(line); err != nil {
					return err
				}
			}
			return nil
		},
	}
	a.addPlaceFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&query.Follow, "follow", false, "go on as lines come")
	flags.StringVar(&query.Service, "service", "", "of this service only")
	flags.StringVar(&query.Release, "release", "", "of this version or release ID only")
	flags.IntVarP(&query.Tail, "tail", "n", -1, "lines from the end of each log; -1 is all")
	return cmd
}

func (a *app) writeLogLine(line api.LogLine) error {
	if a.json() {
		return json.NewEncoder(a.stdout).Encode(line)
	}
	text := line.Text
	if _, ok := a.terminal(); ok { // what an application wrote must not drive the terminal
		text = printable(strings.ReplaceAll(text, "\t", "    "))
	}
	_, err := fmt.Fprintf(a.stdout, "%s %s %s  %s\n", line.Release.Short(), line.Service, line.Instance, text)
	return err
}
