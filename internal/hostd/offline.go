package hostd

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// loader loads the configuration, once the command line is read.
type loader func() (config.Service, error)

func checkCommand(load loader) *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "Verify the store, or a backup, while no service has it open", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := storePath(load, args)
			if err != nil {
				return err
			}
			report, v, err := boltstore.CheckFile(cmd.Context(), path)
			if err != nil {
				return err
			}
			for _, problem := range report.Problems {
				fmt.Fprintln(cmd.OutOrStdout(), problem)
			}
			if n := len(report.Problems); n > 0 {
				return fmt.Errorf("%s: %d problems", path, n)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is sound: store %s, epoch %d, revision %d, %d routes, %d audit records\n",
				path, v.StoreID, v.Epoch, v.Revision, report.Routes, report.AuditRecords)
			return nil
		},
	}
}

func restoreCommand(load loader) *cobra.Command {
	return &cobra.Command{
		Use: "restore BACKUP", Short: "Put a backup in the place of the store, while the service is stopped", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			done, err := boltstore.Restore(cmd.Context(), args[0], c.Store.Path, offline("restore"))
			if err != nil {
				return err
			}
			v := done.Version
			fmt.Fprintf(cmd.OutOrStdout(), "restored %s: epoch %d, revision %d, %d routes\n", c.Store.Path, v.Epoch, v.Revision, v.Count)
			if done.Kept != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "the previous store is %s\n", done.Kept)
			}
			return nil
		},
	}
}

func compactCommand(load loader) *cobra.Command {
	return &cobra.Command{
		Use: "compact", Short: "Rewrite the store without free space, while the service is stopped", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			if _, err := os.Stat(c.Store.Path); err != nil {
				return fmt.Errorf("the store: %w", err)
			}
			before, after, err := boltstore.CompactFile(c.Store.Path)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "compacted %s: %d bytes before, %d after\n", c.Store.Path, before, after)
			return nil
		},
	}
}

func storePath(load loader, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	c, err := load()
	return c.Store.Path, err
}

// offline is who works on the store without the service.
func offline(command string) store.Caller {
	return store.Caller{Actor: fmt.Sprintf("uid:%d", os.Getuid()), Origin: "hcsrouted " + command}
}
