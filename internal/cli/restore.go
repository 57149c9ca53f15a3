package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// defaultConfig is the service's configuration unless a flag names another.
const defaultConfig = "/etc/hcsroute/hcsrouted.yaml"

func (a *app) restoreCommand() *cobra.Command {
	var conf, path string
	var yes bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup in the place of the store, while the service is stopped", Args: oneArgument,
		Long: `Checks the backup in full, puts it in the place of the store and keeps the
present one beside it. The service's configuration names the store, and
HCSROUTED_STORE_PATH where it is set; what only the service's unit sets cannot be
seen here. The service must not run; when it is started again, it makes the nodes like the
backup.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			where, from, err := a.serviceStore(conf, path)
			if err != nil {
				return err
			}
			backup, err := os.Open(args[0]) // so that nobody is asked in vain
			if err != nil {
				return &routes.Error{Reason: routes.BadRequest, Field: "backup", Value: args[0], Problem: rootProblem(err), Action: "Give a file that 'hcsroute backup' has written", Cause: err}
			}
			_ = backup.Close()
			if err := a.confirm(yes, fmt.Sprintf("replace the store %s (%s) by %s?", where, from, args[0])); err != nil {
				return err
			}
			who := store.Caller{Actor: "restore", Origin: "offline"}
			if u, err := user.Current(); err == nil {
				who.Actor = "uid:" + u.Uid
			}
			done, err := boltstore.Restore(cmd.Context(), args[0], where, who)
			if err != nil {
				return err
			}
			v := done.Version
			if a.structured() {
				return a.object(map[string]any{"store": where, "kept": done.Kept, "epoch": v.Epoch, "revision": v.Revision, "routes": v.Count})
			}
			kept := ""
			if done.Kept != "" {
				kept = "; the previous store is " + done.Kept
			}
			_, err = fmt.Fprintf(a.Out, "restored %d routes to %s, epoch %d, revision %d%s; start the service\n", v.Count, where, v.Epoch, v.Revision, kept)
			return err
		},
	}
	cmd.Flags().StringVar(&conf, "config", "", "configuration `file` of the service (default "+defaultConfig+")")
	cmd.Flags().StringVar(&path, "store", "", "`file` of the store; refused where the service's configuration names another")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

// serviceStore is the file of the service's store, and what says so: the
// service's variable, its configuration, or its defaults where there is neither
// and no path is given. What only the service's unit sets cannot be seen here.
func (a *app) serviceStore(conf, path string) (where, from string, err error) {
	conf, sources := a.serviceConfig(conf)
	from = "of " + conf
	variable := config.ServicePrefix + "STORE_PATH"
	if value := a.Getenv(variable); value != "" {
		sources.Environ, from = []string{variable + "=" + value}, "of the variable "+variable
	} else if sources.File == "" {
		if path != "" {
			return path, "as you say; there is no " + conf, nil
		}
		from = "the default; there is no " + conf
	}
	c, err := config.LoadService(sources)
	if err != nil {
		return "", "", &routes.Error{Reason: routes.BadRequest, Field: "config", Value: conf, Problem: err.Error(), Action: "Correct the service's configuration, or name another with --config", Cause: err}
	}
	if path == "" || same(path, c.Store.Path) {
		return c.Store.Path, from, nil
	}
	return "", "", &routes.Error{
		Reason: routes.BadRequest, Field: "store", Value: path, Problem: fmt.Sprintf("it is not the service's store: that is %s (%s)", c.Store.Path, from),
		Action: "Leave --store out, or name the service's configuration with --config",
	}
}

// serviceConfig is the service's configuration file, and what it is read from:
// no file where none is named in conf and there is none.
func (a *app) serviceConfig(conf string) (string, config.Sources) {
	if conf != "" {
		return conf, config.Sources{File: conf}
	}
	conf = cmp.Or(a.Getenv(config.ServicePrefix+"CONFIG"), defaultConfig)
	if _, err := os.Stat(conf); errors.Is(err, fs.ErrNotExist) {
		return conf, config.Sources{}
	}
	return conf, config.Sources{File: conf}
}

// same reports whether two paths are one.
func same(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}
