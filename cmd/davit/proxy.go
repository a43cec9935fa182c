package main

import (
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit/internal/proxy"
)

// newProxyCommand returns the command that is the data plane's process. The
// server starts it; a person needs it only to look at what is going on.
func newProxyCommand() *cobra.Command {
	var o proxy.Options
	cmd := &cobra.Command{
		Use:   "proxy --dir DIR",
		Short: "Serve as the embedded reverse proxy (davit serve starts it)",
		Long: `Serves by the routing table kept in DIR, and by those that come over DIR/control.sock.

davit serve starts this process, and adopts it after a restart of its own. It goes on
serving when the server ends. With --takeover, another proxy takes its listening
sockets over, and this one exits when its last connection has ended. SIGTERM stops accepting, lets requests in flight end, and exits.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			o.Version, o.Stdout, o.Stderr = cmd.Root().Version, cmd.OutOrStdout(), cmd.ErrOrStderr()
			return proxy.Run(ctx, o)
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "", "folder of the routing table and the control socket")
	cmd.Flags().DurationVar(&o.Drain, "drain", 30*time.Second, "how long requests in flight may take after SIGTERM")
	cmd.Flags().BoolVar(&o.Takeover, "takeover", false, "take the place of the proxy that serves from DIR, which serves its open connections to their end")
	cmd.Flags().IntVar(&o.Protocol, "protocol", 0, "number of the control socket's protocol, to try out versions apart (default the newest)")
	if err := cmd.MarkFlagRequired("dir"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}
