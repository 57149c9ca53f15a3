// Command hcsroute-bench measures everything beside the bare limit and other
// programs, on the lab; see docs/performance.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/tools/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.code)
	case err != nil:
		fmt.Fprintln(os.Stderr, "hcsroute-bench:", err)
		os.Exit(1)
	}
}

// exitError carries the exit code of what ran inside the lab.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

func command() *cobra.Command {
	var o bench.Options
	cmd := &cobra.Command{
		Use: "hcsroute-bench", Short: "Measure everything beside the bare limit and other programs", Args: cobra.NoArgs,
		Long: "Measures the real programs on real kernels, interleaved with the same work done without us and by\n" +
			"iproute2, BIRD 2 and FRR where they are installed. Root gets larger socket buffers than others.",
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.Only, "only", nil, fmt.Sprintf("rows to measure: %v", bench.Rows()))
	flags.IntVar(&o.Rounds, "rounds", 0, "rounds of each; 0 for 5")
	flags.BoolVar(&o.Short, "short", false, "little of everything in seconds, to find what is broken; the figures mean nothing")
	flags.StringVar(&o.Disk, "disk", ".cache/bench", "folder on the disk to be measured")
	flags.StringVar(&o.Docs, "docs", "", "folder of performance.md, to write the table and the chart into it")
	// The other end of the bare round trips.
	cmd.AddCommand(&cobra.Command{
		Use: bench.EchoCommand + " SOCKET", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return bench.Echo(cmd.Context(), args[0]) },
	})
	return cmd
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
