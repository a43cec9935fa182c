package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (a *app) flagStaleCommand() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use: "stale", Short: "List the flags that have had their time", Args: cobra.NoArgs,
		Long: `List the flags whose lifetime is over (40 days for release flags, 60 for experiments,
unless a flag says otherwise), those that have not changed for some days and give
everybody the same answer in every environment, and those that nobody has asked the
server, or an edge server, for in that time. Who gets all flags at once and does not
tell which it uses (bulk evaluation over OFREP, a snapshot) counts as asking for those
it gets; the provider for Go tells. While Redis cannot be asked what edge servers have
answered, flags that nobody asks for cannot be told, and this says so. The exit code
is 1 when there are any.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 0 {
				return &davit.Error{Code: davit.CodeInvalid, Message: "--days is less than 0", Hint: "give the days that a flag may stay the same, such as 30"}
			}
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			records, err := allFlags(cmd.Context(), c, application)
			if err != nil {
				return err
			}
			used, err := c.FlagUsage(cmd.Context(), application)
			if err != nil {
				return err
			}
			now, stale := a.now(), []davit.FlagStale{}
			for i := range records {
				if s := records[i].Stale(now, now.Add(-time.Duration(days)*24*time.Hour), evaluated(used, records[i].Flag.Key)); s != nil {
					stale = append(stale, *s)
				}
			}
			if a.json() {
				err = a.writeJSON(stale)
			} else {
				err = writeStale(a.stdout, stale)
			}
			if err == nil && used.Partial {
				_, err = fmt.Fprintln(a.stderr, "What edge servers have answered is not known to the server now; flags that nobody asks for are not listed.")
			}
			if err == nil && len(stale) > 0 {
				err = outcome(exitFailed)
			}
			return err
		},
	}
	a.addPlaceFlags(cmd)
	cmd.Flags().IntVar(&days, "days", 30, "how long a flag may stay the same for everybody")
	return cmd
}

// evaluated returns when a flag was last evaluated, or else from when on that is
// known; the zero time when it is not.
func evaluated(u *api.FlagUsage, key string) time.Time {
	if u.Partial {
		return time.Time{}
	}
	if last, ok := u.Flags[key]; ok {
		return last
	}
	return u.Since
}

func writeStale(w io.Writer, stale []davit.FlagStale) error {
	if len(stale) == 0 {
		_, err := fmt.Fprintln(w, "No flag has had its time.")
		return err
	}
	for _, s := range stale {
		owner := ""
		if s.Owner != "" {
			owner = " (" + printable(s.Owner) + ")"
		}
		if _, err := fmt.Fprintf(w, "%s%s: %s\n", printable(s.Key), owner, printable(strings.Join(s.Why, "; "))); err != nil {
			return err
		}
	}
	return nil
}
