package cli

import (
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// defaultStore is where the service keeps its store unless told otherwise.
const defaultStore = "/var/lib/hcsroute/hcsroute.db"

func (a *app) restoreCommand() *cobra.Command {
	var path string
	var yes bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup in the place of the store, while the service is stopped", Args: cobra.ExactArgs(1),
		Long: `Checks the backup in full, puts it in the place of the store and keeps the
present one beside it. The service must not run; when it is started again, it
makes the nodes like the backup.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirm(yes, fmt.Sprintf("replace %s by %s?", path, args[0])); err != nil {
				return err
			}
			who := store.Caller{Actor: "restore", Origin: "offline"}
			if u, err := user.Current(); err == nil {
				who.Actor = "uid:" + u.Uid
			}
			v, err := boltstore.Restore(cmd.Context(), args[0], path, who)
			if err != nil {
				return err
			}
			if a.structured() {
				return a.object(map[string]any{"store": path, "epoch": v.Epoch, "revision": v.Revision, "routes": v.Count})
			}
			_, err = fmt.Fprintf(a.Out, "restored %d routes, epoch %d, revision %d; start the service\n", v.Count, v.Epoch, v.Revision)
			return err
		},
	}
	cmd.Flags().StringVar(&path, "store", defaultStore, "`file` of the store, as in the service's configuration")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}
