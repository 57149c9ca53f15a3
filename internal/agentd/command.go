// Package agentd runs the agent as a process: configuration, privileges,
// listeners, and the service manager.
package agentd

import (
	"context"
	"path/filepath"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/internal/process"
)

// memoryLimit keeps 100,000 routes within 64 MiB of RssAnon.
const memoryLimit = 56 << 20

// Main runs the agent until ctx ends and returns the exit code. The routes
// stay in the kernel.
func Main(ctx context.Context, s process.System) int {
	program := process.Program[config.Agent]{
		Name: "hcsroute-agent", Short: "Keep the custom routes of the host in this node's kernel",
		Prefix: config.AgentPrefix, Defaults: config.DefaultAgent(), Load: config.LoadAgent,
		Needs: func(c config.Agent) process.Needs {
			return process.Needs{Log: c.Log, Plan: plan(c), Memory: memoryLimit, Ends: "the agent ends; the routes stay"}
		},
		Run: func(ctx context.Context, e process.Environment[config.Agent]) error { return run(ctx, environment{e}) },
	}
	root, _ := program.Command(s)
	return s.Execute(ctx, root)
}

// plan is what the agent needs: of all privileges the one to change routes.
func plan(c config.Agent) privilege.Plan {
	folders := []string{c.StateDir}
	for _, a := range c.Listen {
		if a.Network == "unix" {
			folders = append(folders, filepath.Dir(a.Host))
		}
	}
	return privilege.Plan{Keep: privilege.NetAdmin, User: c.User, Folders: folders}
}
