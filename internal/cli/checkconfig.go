package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hcsroute/hcsroute/hostvm/file"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/routes"
)

// notStarted looks for why the service of this machine is not there: what is
// wrong with its files comes first, as no start helps before it is mended.
func (d *diagnosis) notStarted(e *routes.Error) *routes.Error {
	path, sources := d.app.serviceConfig("")
	if sources.File == "" {
		return e
	}
	c, err := config.LoadService(sources)
	if err == nil {
		err = sound(c)
	}
	away := *e
	switch {
	case err == nil && c.Listen.Local.Address.String() != d.client.Address():
		away.Action = fmt.Sprintf("By %s the service listens at %s: leave the address out, or give that one", path, c.Listen.Local.Address)
		return &away
	case err == nil:
		d.ok("configuration", "%s and the files that it names are sound", path)
		return e
	case errors.Is(err, fs.ErrPermission):
		d.warn("configuration", "Run this as root.", "it cannot be looked at: %s", oneLine(err))
		return e
	}
	d.badConfiguration(err, "Correct it there; then run 'systemctl start hcsrouted'")
	away.Action = "It cannot start before its configuration is corrected, see above; 'journalctl -u hcsrouted' has its own words"
	return &away
}

// configured looks at the files of a service that runs: a mistake in them costs
// the next start. Who may not read them hears nothing of it.
func (d *diagnosis) configured() {
	path, sources := d.app.serviceConfig("")
	if !d.client.Local() || sources.File == "" {
		return
	}
	c, err := config.LoadService(sources)
	then := "Correct it there, then run 'systemctl reload hcsrouted'; 'systemctl status hcsrouted' says whether a restart is needed"
	if err == nil {
		if c.Listen.Local.Address.String() != d.client.Address() {
			return // another service's
		}
		err, then = readInventory(c), "Correct it there: it is read again by itself"
		d.refused = err != nil && !errors.Is(err, fs.ErrPermission)
	}
	switch {
	case err == nil:
		d.ok("configuration", "%s and the inventory file are sound", path)
	case !errors.Is(err, fs.ErrPermission):
		d.badConfiguration(err, then+". Until then the service that runs goes on as it was, but does not start again with this")
	}
}

func (d *diagnosis) badConfiguration(err error, remedy string) {
	d.fail("configuration", &routes.Error{Reason: routes.BadRequest, Problem: oneLine(err), Action: remedy})
}

// sound reads what a start of the service needs.
func sound(c config.Service) error {
	err := errors.Join(readInventory(c), readTLS("agents.tls", c.Agents.TLS))
	if c.Listen.Remote != nil {
		err = errors.Join(err, readTLS("listen.remote", c.Listen.Remote.TLS()))
	}
	return err
}

func readTLS(key string, files config.TLS) error {
	if files.IsZero() {
		return nil
	}
	if _, err := certs.Load(files.Cert, files.Key, files.CA); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func readInventory(c config.Service) error {
	if c.Inventory.File == "" {
		return nil
	}
	_, err := file.Open(c.Inventory.File)
	return err
}

// oneLine has joined errors in one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
