package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit/internal/api"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the program and of the server",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			both := struct {
				Client api.Version  `json:"client"`
				Server *api.Version `json:"server,omitempty"`
			}{Client: ownVersion()}
			if c, err := a.client(); err == nil {
				both.Server, _ = c.Version(cmd.Context()) // no server is an answer too
			}
			if a.json() {
				return a.writeJSON(both)
			}
			server := "none answers"
			if both.Server != nil {
				server = versionText(*both.Server)
			}
			_, err := fmt.Fprintf(a.stdout, "davit   %s\nserver  %s\n", versionText(both.Client), server)
			return err
		},
	}
}

func ownVersion() api.Version {
	return api.Version{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}

func versionText(v api.Version) string {
	return fmt.Sprintf("%s (%s, %s/%s)", v.Version, v.Go, v.OS, v.Arch)
}
