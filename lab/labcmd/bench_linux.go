package labcmd

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/bench"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure everything beside the bare limit and other programs", Args: cobra.NoArgs,
		Long: "Measures the real programs on real kernels, interleaved with the same work done without us and by\n" +
			"iproute2, BIRD 2 and FRR where they are installed. Root gets larger socket buffers than others.",
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.Only, "only", nil, fmt.Sprintf("rows to measure: %v", bench.Rows()))
	flags.IntVar(&o.Rounds, "rounds", 0, "rounds of each; 0 for 5")
	flags.BoolVar(&o.Short, "short", false, "little of everything in seconds, to find what is broken; the figures mean nothing")
	flags.StringVar(&o.Disk, "disk", ".cache/bench", "folder on the disk to be measured")
	flags.StringVar(&o.Docs, "docs", "", "folder of performance.md, to write the table and the chart into it")
	return cmd
}

// echoCommand is the other end of the bare round trips.
func echoCommand() *cobra.Command {
	return &cobra.Command{
		Use: bench.EchoCommand + " SOCKET", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return bench.Echo(cmd.Context(), args[0]) },
	}
}

// runBench prefers real root, which may have large socket buffers, to a user
// namespace.
func runBench(ctx context.Context, o bench.Options) error {
	entry, err := lab.Enter(ctx, lab.EnterOptions{PlainRoot: os.Geteuid() == 0})
	var refused *lab.UnavailableError
	if errors.As(err, &refused) && os.Geteuid() == 0 {
		entry, err = lab.Enter(ctx, lab.EnterOptions{})
	}
	if err != nil {
		return err
	}
	if !entry.Inside {
		if entry.ExitCode != 0 {
			return &exitError{entry.ExitCode}
		}
		return nil
	}
	if o.Binaries, err = lab.FindBinaries(""); err != nil {
		return err
	}
	if o.Self, err = os.Executable(); err != nil {
		return err
	}
	o.Out = os.Stdout
	return bench.Run(ctx, o)
}
