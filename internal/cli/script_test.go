package cli_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hcsroute/hcsroute/internal/cli"
	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/routes"
)

var update = flag.Bool("update", false, "write what the scripts compare")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"hcsroute": func() {
			os.Exit(cli.Main(context.Background(), cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}, os.Args[1:]))
		},
	})
}

// TestScripts runs testdata/script/*.txtar, each against a service of its
// own: the program as a process, over a real socket. A name that begins with
// "silent" has a node that never answers.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			var o clitest.Options
			switch {
			case strings.HasPrefix(name, "silent"):
				o.Silent = "k8s-worker"
			case strings.HasPrefix(name, "full"):
				o.Refuse = &routes.Error{Reason: routes.DiskFull, Problem: "no space left on device"}
			}
			address := clitest.Start(t, o).Address
			testscript.Run(t, testscript.Params{
				Files:         []string{file},
				UpdateScripts: *update,
				Cmds:          map[string]func(*testscript.TestScript, bool, []string){"code": code},
				Setup: func(env *testscript.Env) error {
					env.Setenv("HCSROUTE_ADDRESS", address)
					return nil
				},
			})
		})
	}
}

// code runs a program that has to end with the exit code given first.
func code(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("code: %v", err)
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("code: %v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
