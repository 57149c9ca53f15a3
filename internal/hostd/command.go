// Package hostd runs the service as a process: store, inventory, sessions with the
// nodes, API.
package hostd

import (
	"context"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/internal/process"
)

// memoryLimit keeps 100,000 routes within 128 MiB of RssAnon while many write.
const memoryLimit = 112 << 20

// Main runs the program and returns its exit code.
func Main(ctx context.Context, s process.System) int {
	program := process.Program[config.Service]{
		Name: "hcsrouted", Short: "Serve custom network routes for the Kubernetes VMs of this device",
		Prefix: config.ServicePrefix, Defaults: config.DefaultService(), Load: config.LoadService,
		Serve: func(ctx context.Context, c process.Configured[config.Service]) error {
			needs := process.Needs{Log: c.Config.Log, Plan: plan(c.Config), Memory: memoryLimit, Ends: "the service ends"}
			return s.Run(ctx, needs, func(r process.Running) error { return run(ctx, environment{c, r}) })
		},
	}
	root, load := program.Command(s.Environ)
	root.AddCommand(checkCommand(load), restoreCommand(load), compactCommand(load))
	return s.Execute(ctx, root)
}

// plan is what the service needs: no privilege at all, above all none to change
// routes of the device host, but where its socket is given to a group.
func plan(c config.Service) (p privilege.Plan) {
	if _, one := localRoles(c.Listen.Local).Group(); one {
		p.Keep = privilege.Chown
	}
	return p
}
