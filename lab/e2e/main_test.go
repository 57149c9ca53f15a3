//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/labtest"
	"github.com/hcsroute/hcsroute/lab/system"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// TestMain builds the programs once, outside the lab, unless HCSROUTE_BIN
// names built ones.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(lab.BinVar) == "" {
		dir, err := os.MkdirTemp("", "hcsroute-bin")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", dir+string(filepath.Separator), "../../cmd/hcsrouted", "../../cmd/hcsroute", "../../cmd/hcsroute-agent")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
			return 1
		}
		os.Setenv(lab.BinVar, dir)
	}
	return labtest.Main(context.Background(), m)
}

// start brings up a lab with its system.
func start(t *testing.T, o system.Options) *system.System {
	t.Helper()
	bin, err := lab.FindBinaries("")
	if err != nil {
		t.Fatal(err)
	}
	l := labtest.New(t, lab.Options{})
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, l)
		}
	})
	s, err := system.Start(t.Context(), l, bin, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func showLogs(t *testing.T, l *lab.Lab) {
	logs, _ := filepath.Glob(filepath.Join(l.StateDir, "logs", "*.log"))
	for _, path := range logs {
		data, _ := os.ReadFile(path)
		if len(data) > 4000 {
			data = data[len(data)-4000:]
		}
		t.Logf("%s:\n%s", filepath.Base(path), data)
	}
}

// cli runs hcsroute and wants an exit code.
func cli(t *testing.T, s *system.System, code int, args ...string) system.Result {
	t.Helper()
	res, err := s.CLI(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	if res.Code != code {
		t.Fatalf("hcsroute %v: exit code %d, want %d\n%s%s", args, res.Code, code, res.Stdout, res.Stderr)
	}
	return res
}

func dial(t *testing.T, s *system.System) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.Address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.WaitForReady(true)), // tests restart the service
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 5 * time.Second, Backoff: backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.2, MaxDelay: 50 * time.Millisecond}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func routeClient(t *testing.T, s *system.System) pb.RouteServiceClient {
	t.Helper()
	return pb.NewRouteServiceClient(dial(t, s))
}

// own counts our routes in a node's kernel.
func own(t *testing.T, s *system.System, node string) int {
	t.Helper()
	list, err := s.OwnRoutes(node)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func tables(t *testing.T, s *system.System) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range s.Lab.Names() {
		dump, err := s.Lab.NS(name).RouteDump()
		if err != nil {
			t.Fatal(err)
		}
		out[name] = dump
	}
	return out
}
