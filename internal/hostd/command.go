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
		Needs: func(c config.Service) process.Needs {
			return process.Needs{Log: c.Log, Plan: plan(c), Memory: memoryLimit, Ends: "the service ends"}
		},
		Run: func(ctx context.Context, e process.Environment[config.Service]) error {
			return run(ctx, environment{e})
		},
	}
	root, load := program.Command(s)
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
