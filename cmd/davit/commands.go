package main

import (
	"context"

	"github.com/spf13/cobra"
)

// otherCommands returns the commands that stand on their own.
func otherCommands(a *app) []*cobra.Command {
	connect := func(context.Context) (auditAPI, error) { return a.client() }
	proxy := newProxyCommand()
	proxy.Hidden = true
	return []*cobra.Command{
		a.approveCommand(), a.rejectCommand(),
		proxy, newConfigCommand(), newAuditCommand(connect, &a.output), a.demoCommand(), newReleaseCommand(a),
		a.backupCommand(), a.restoreCommand(), a.validateCommand(), a.receiptCommand(), a.reportCommand(),
		a.analyzeCommand(), a.flagCommand(), newInfraCommand(),
		a.upgradeCommand(), a.adoptCommand(), a.disownCommand(),
	}
}
