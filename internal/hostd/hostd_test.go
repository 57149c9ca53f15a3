package hostd

import (
	"bytes"
	"context"
	"errors"
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
		os.Exit(Main(context.Background(), Process{Environ: os.Environ(), Exit: os.Exit}))
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

func run(ctx context.Context, stderr io.Writer, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := Command(Process{
		Environ: os.Environ(), Exit: func(int) { panic("the stop is stuck") },
		Drop: func(privilege.Plan) error { return nil }, // the tests need theirs
	})
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	return out.String(), err
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
		_, err := run(ctx, io.Discard, "--config", config)
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
	if _, err := run(ctx, io.Discard, "--config", config); routes.ReasonOf(err) != routes.Unavailable {
		t.Errorf("second instance: %v", err)
	}
	if _, err := run(ctx, io.Discard, "compact", "--config", config); routes.ReasonOf(err) != routes.Unavailable {
		t.Errorf("compact while it runs: %v", err)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	must(t, saveBackup(ctx, conn, backup))
	must(t, stop())
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}

	for _, args := range [][]string{{"check"}, {"check", backup}, {"compact"}, {"restore", backup}, {"check"}} {
		if out, err := run(ctx, io.Discard, append(args, "--config", config)...); err != nil || out == "" {
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
	for want, args := range map[string][]string{
		"hcsrouted.yaml: no such file":        {"--config", "/nonexistent/hcsrouted.yaml"},
		"flag --log-level: log.level":         {"--config", config, "--log-level", "loud"},
		"want unix:///path":                   {"--config", config, "--listen-local-address", "tcp://:1"},
		"inventory file":                      {"--config", config, "--inventory-file", "/nonexistent/inventory.yaml"},
		"agents.tls: cert, key and ca":        {"--config", config, "--agents-tls-cert", "x"},
		"unknown command":                     {"serve-it"},
		"listen.remote: cert, key and ca are": {"--config", config, "--listen-remote-address", "tcp://127.0.0.1:0"},
	} {
		if _, err := run(t.Context(), io.Discard, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v\nwant %s", args, err, want)
		}
	}
}
