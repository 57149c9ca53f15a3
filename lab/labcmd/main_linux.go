package labcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/demo"
	"github.com/hcsroute/hcsroute/lab/system"
)

// Main runs the program and returns its exit code. It runs itself again in
// the lab's namespaces, where the command's real work is done.
func Main(ctx context.Context, args []string) int {
	root := command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case err != nil:
		fmt.Fprintln(os.Stderr, "hcsroute-lab:", err)
		return 1
	}
	return 0
}

// exitError carries the exit code of what ran inside.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

func command() *cobra.Command {
	root := &cobra.Command{
		Use: "hcsroute-lab", Short: "The appliance on real kernels, in network namespaces, without root",
		SilenceUsage: true, SilenceErrors: true,
		Long: "Brings up host, Port1..Port6, Kubernetes nodes with pods, cameras behind a gateway and an internet side,\n" +
			"with the real service and agents. The programs are looked for in $" + lab.BinVar + ", then beside this one.",
	}
	workers := root.PersistentFlags().Int("workers", 1, "worker nodes")
	policy := root.PersistentFlags().StringArray("policy", nil, `line of the service's policy, such as "default_routes: allow"; may be repeated`)
	in := func(work func(context.Context, *system.System, []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			o := lab.Options{Workers: *workers}
			return inside(cmd.Context(), o, system.Options{Policy: *policy}, func(ctx context.Context, s *system.System) error { return work(ctx, s, args) })
		}
	}
	root.AddCommand(
		&cobra.Command{Use: "demo", Short: "Show the main job from end to end", Args: cobra.NoArgs, RunE: in(runDemo)},
		&cobra.Command{Use: "shell", Short: "Run a shell on the host of the lab", Args: cobra.NoArgs, RunE: in(runShell)},
		&cobra.Command{Use: "up", Short: "Keep the lab running until Ctrl+C, and say how to use it", Args: cobra.NoArgs, RunE: in(runUp)},
		&cobra.Command{Use: "run -- COMMAND [ARG...]", Short: "Run a command on the host of the lab; its exit code is returned", Args: cobra.MinimumNArgs(1), RunE: in(runCommand)},
	)
	return root
}

// inside enters the namespaces, builds the lab, starts the system and calls work there.
func inside(ctx context.Context, o lab.Options, so system.Options, work func(context.Context, *system.System) error) (err error) {
	entry, err := lab.Enter(ctx, lab.EnterOptions{})
	if err != nil {
		return err
	}
	if !entry.Inside {
		if entry.ExitCode != 0 {
			return &exitError{entry.ExitCode}
		}
		return nil
	}
	bin, err := lab.FindBinaries("")
	if err != nil {
		return err
	}
	if o.Workers == 0 {
		o.Workers = -1
	}
	l, err := lab.New(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	s, err := system.Start(ctx, l, bin, so)
	if err != nil {
		return err
	}
	return work(ctx, s)
}

func runDemo(ctx context.Context, s *system.System, _ []string) error {
	colour := term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""
	return demo.Run(ctx, s, demo.Options{Out: os.Stdout, Colour: colour})
}

func runCommand(ctx context.Context, s *system.System, args []string) error {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	cmd := s.Command(ctx, path, args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &exitError{exit.ExitCode()}
	}
	return err
}

func runShell(ctx context.Context, s *system.System, _ []string) error {
	shell := os.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	printHelp(s)
	err := runCommand(ctx, s, []string{shell})
	var exit *exitError
	if errors.As(err, &exit) {
		return nil // the last command's exit code is not the lab's
	}
	return err
}

func runUp(ctx context.Context, s *system.System, _ []string) error {
	printHelp(s)
	fmt.Println("The lab runs until Ctrl+C.")
	<-ctx.Done()
	return nil
}

func printHelp(s *system.System) {
	fmt.Printf(`You are on the appliance host. Its service listens on %s.

    hcsroute interfaces                 the ports, and why each can or cannot take routes
    hcsroute nodes                      the Kubernetes nodes: %v
    hcsroute add Port3 192.168.21.0/24 192.168.20.1 --metric 100
    hcsroute get -o wide                what each node's kernel holds
    hcsroute explain 192.168.21.15      the route that a packet takes on each node

    The inventory file is %s; edit it and it is read again.
    Logs of service and agents are in %s/logs. Leave with exit or Ctrl+D.

`, s.Address, s.Names(), s.InventoryPath(), s.Lab.StateDir)
}
