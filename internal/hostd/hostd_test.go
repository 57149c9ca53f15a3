package hostd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/internal/cli"
	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/internal/process"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// cliVar makes the test's program hcsroute, serviceVar hcsrouted.
const (
	cliVar     = "HCSROUTE_TEST_CLI"
	serviceVar = "HCSROUTE_TEST_SERVICE"
)

func TestMain(m *testing.M) {
	if os.Getenv(cliVar) != "" {
		os.Exit(cli.Main(context.Background(), cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}, os.Args[1:]))
	}
	if os.Getenv(serviceVar) != "" {
		os.Exit(Main(context.Background(), process.System{Args: os.Args[1:], Environ: os.Environ(), Out: os.Stdout, Err: os.Stderr, Exit: os.Exit}))
	}
	goleak.VerifyTestMain(m)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const inventory = `ports:
  - {alias: Port3, mac: "02:00:00:00:00:03", up: true, addressing: static, addresses: [192.168.20.2/24], switch: vswitch-Port3}
nodes:
  - name: k8s-master
    role: master
    state: auto
    endpoint: unix:///nonexistent/agent.sock
    nics: [{mac: "02:00:00:00:20:11", switch: vswitch-Port3}]
`

// device is a folder with a service's files.
func device(t *testing.T) (config, socket string) {
	t.Helper()
	dir := t.TempDir()
	config, socket = filepath.Join(dir, "hcsrouted.yaml"), filepath.Join(dir, "run", "s.sock")
	must(t, os.WriteFile(filepath.Join(dir, "inventory.yaml"), []byte(inventory), 0o600))
	must(t, os.WriteFile(config, []byte("store: {path: db/hcsroute.db}\nlisten: {local: {address: 'unix://"+socket+"'}}\ninventory: {provider: none, file: inventory.yaml}\n"), 0o600))
	return config, socket
}

// execute runs the program with its privileges, which the tests need; its last words
// are the error.
func execute(ctx context.Context, stderr io.Writer, args ...string) (string, error) {
	var out, last bytes.Buffer
	code := Main(ctx, process.System{
		Args: args, Environ: os.Environ(), Out: &out, Err: io.MultiWriter(stderr, &last), Exit: func(int) { panic("the stop is stuck") },
		Drop: func(privilege.Plan) error { return nil },
	})
	if code != 0 {
		return out.String(), fmt.Errorf("exit code %d: %s", code, &last)
	}
	return out.String(), nil
}

// serve starts the service and waits for READY=1.
func serveUntil(t *testing.T, config string) (stop func() error) {
	t.Helper()
	notify := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	must(t, err)
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", notify)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := execute(ctx, io.Discard, "--config", config)
		ended <- err
	}()
	must(t, l.SetReadDeadline(time.Now().Add(time.Minute)))
	buf := make([]byte, 64)
	n, err := l.Read(buf)
	if err != nil || string(buf[:n]) != "READY=1" {
		cancel()
		t.Fatalf("notified %q, %v; the service: %v", buf[:n], err, <-ended)
	}
	return func() error { cancel(); return <-ended }
}

func TestServeStopAndOfflineCommands(t *testing.T) {
	config, socket := device(t)
	ctx := t.Context()
	stop := serveUntil(t, config)
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	metric := uint32(100)
	resp, err := pb.NewRouteServiceClient(conn).AddRoute(ctx, &pb.AddRouteRequest{
		Route:           &pb.Route{Interface: "port3", Destination: "192.168.21.0/24", NextHop: "192.168.20.1", Metric: &metric},
		Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, Timeout: durationpb.New(50 * time.Millisecond),
	})
	must(t, err)
	if resp.Acknowledged || resp.Route.State != pb.State_STATE_WAITING || resp.Route.Cause != string(routes.AgentUnreachable) || resp.Route.Interface != "Port3" {
		t.Errorf("route %v", resp.Route)
	}

	// A second instance, and offline work on the store, are refused meanwhile.
	if _, err := execute(ctx, io.Discard, "--config", config); err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Errorf("second instance: %v", err)
	}
	if _, err := execute(ctx, io.Discard, "compact", "--config", config); err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Errorf("compact while it runs: %v", err)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	must(t, saveBackup(ctx, conn, backup))
	must(t, stop())
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}

	for _, args := range [][]string{{"check"}, {"check", backup}, {"compact"}, {"restore", backup}, {"check"}} {
		if out, err := execute(ctx, io.Discard, append(args, "--config", config)...); err != nil || out == "" {
			t.Errorf("%v: %q %v", args, out, err)
		}
	}
	stop = serveUntil(t, config)
	list, err := pb.NewRouteServiceClient(conn).ListRoutes(ctx, &pb.ListRoutesRequest{}, grpc.WaitForReady(true))
	must(t, err)
	if len(list.Routes) != 1 {
		t.Errorf("after the restore: %v", list)
	}
	must(t, stop())
}

func saveBackup(ctx context.Context, conn *grpc.ClientConn, path string) error {
	stream, err := pb.NewMaintenanceServiceClient(conn).Backup(ctx, &pb.BackupRequest{})
	if err != nil {
		return err
	}
	var data []byte
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			return err
		}
		data = append(data, msg.Data...)
	}
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	config, _ := device(t)
	for want, c := range map[string]struct {
		code int
		args []string
	}{
		"hcsrouted.yaml: no such file":        {process.ExitUsage, []string{"--config", "/nonexistent/hcsrouted.yaml"}},
		"flag --log-level: log.level":         {process.ExitUsage, []string{"--config", config, "--log-level", "loud"}},
		"want unix:///path":                   {process.ExitUsage, []string{"--config", config, "--listen-local-address", "tcp://:1"}},
		"inventory file":                      {process.ExitError, []string{"--config", config, "--inventory-file", "/nonexistent/inventory.yaml"}},
		"agents.tls: cert, key and ca":        {process.ExitUsage, []string{"--config", config, "--agents-tls-cert", "x"}},
		"unknown command":                     {process.ExitUsage, []string{"serve-it"}},
		"unknown flag":                        {process.ExitUsage, []string{"--nod", "x"}},
		"accepts 1 arg":                       {process.ExitUsage, []string{"restore"}},
		"no such file or directory":           {process.ExitError, []string{"check", "/nonexistent/hcsroute.db"}},
		"listen.remote: cert, key and ca are": {process.ExitUsage, []string{"--config", config, "--listen-remote-address", "tcp://127.0.0.1:0"}},
	} {
		_, err := execute(t.Context(), io.Discard, c.args...)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), fmt.Sprintf("exit code %d:", c.code)) {
			t.Errorf("%v: %v\nwant code %d, %s", c.args, err, c.code, want)
		}
	}
}
