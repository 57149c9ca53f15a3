package agentd

import (
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/privilege"
)

// dropPrivileges gives up all privileges but the one to change routes.
func dropPrivileges(p Process, e environment) error {
	folders := []string{e.config.StateDir}
	for _, a := range e.config.Listen {
		if a.Network == "unix" {
			folders = append(folders, filepath.Dir(a.Host))
		}
	}
	return privilege.Drop(privilege.Plan{
		Keep: 1 << unix.CAP_NET_ADMIN, User: e.config.User, Folders: folders, Args: p.Args, Environ: p.Environ, Log: e.log,
	})
}
