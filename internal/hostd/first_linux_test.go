package hostd

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// filesBelow are the names of all files in dir, folders left out.
func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	return names
}

// TestAFirstStartThatFailsLeavesNoStore: a store has an id of its own, which nodes would
// be held to; one that nobody has used must not come to be by a mistake in the configuration.
func TestAFirstStartThatFailsLeavesNoStore(t *testing.T) {
	for name, c := range map[string]struct {
		args func(t *testing.T, dir string) []string
		want string
	}{
		"no inventory": {func(*testing.T, string) []string { return []string{"--inventory-file", "/nonexistent/inventory.yaml"} }, "no such file"},
		"a broken inventory": {func(t *testing.T, dir string) []string {
			must(t, os.WriteFile(filepath.Join(dir, "inventory.yaml"), []byte("ports: [{alias: Port3, mac: x}]\n"), 0o600))
			return nil
		}, "MAC"},
		"a socket that cannot be made": {func(t *testing.T, dir string) []string {
			must(t, os.WriteFile(filepath.Join(dir, "run"), nil, 0o600))
			return nil
		}, "not a directory"},
		"bad certificates for agents": {func(t *testing.T, dir string) []string {
			return []string{"--agents-tls-cert", "/nonexistent/a.crt", "--agents-tls-key", "/nonexistent/a.key", "--agents-tls-ca", "/nonexistent/ca.crt"}
		}, "agents.tls"},
		"bad certificates for callers": {func(t *testing.T, dir string) []string {
			return []string{"--listen-remote-address", "tcp://127.0.0.1:0", "--listen-remote-cert", "/nonexistent/a.crt", "--listen-remote-key", "/nonexistent/a.key", "--listen-remote-ca", "/nonexistent/ca.crt"}
		}, "listen.remote"},
		"an address that can never be": {func(t *testing.T, dir string) []string {
			must(t, certs.Init(certs.CAOptions{Dir: dir}))
			must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Service, Name: "server"}))
			file := func(name string) string { return filepath.Join(dir, name) }
			return []string{"--listen-remote-address", "tcp://300.0.0.1:1", "--listen-remote-cert", file("server.crt"), "--listen-remote-key", file("server.key"), "--listen-remote-ca", file(certs.CACert)}
		}, "listen for remote callers"},
	} {
		t.Run(name, func(t *testing.T) {
			config, socket := device(t)
			dir := filepath.Dir(config)
			args := c.args(t, dir)
			before := filesBelow(t, dir)
			_, err := execute(t.Context(), io.Discard, append([]string{"--config", config}, args...)...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if after := filesBelow(t, dir); !slices.Equal(after, before) {
				t.Errorf("there were %v, and now are %v", before, after)
			}
			if _, err := os.Lstat(socket); err == nil {
				t.Error("the socket is left")
			}
		})
	}
}

// TestASecondInstanceLeavesTheFirstAlone: it hears whose the store is, before it looks
// at the socket, which it would take where the file has gone.
func TestASecondInstanceLeavesTheFirstAlone(t *testing.T) {
	config, socket := device(t)
	stop := serveUntil(t, config)
	second := func(args ...string) {
		t.Helper()
		if _, err := execute(t.Context(), io.Discard, append([]string{"--config", config}, args...)...); err == nil || !strings.Contains(err.Error(), "in use by process") {
			t.Errorf("second instance: %v", err)
		}
	}
	made, err := os.Lstat(socket)
	must(t, err)
	second()
	if now, err := os.Lstat(socket); err != nil || !os.SameFile(now, made) {
		t.Errorf("the first's socket is now %v, %v", now, err)
	}
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	_, err = pb.NewRouteServiceClient(conn).ListRoutes(t.Context(), &pb.ListRoutesRequest{})
	must(t, err)
	other := filepath.Join(t.TempDir(), "other.sock")
	second("--listen-local-address", "unix://"+other)
	if _, err := os.Lstat(other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it had made a socket: %v", err)
	}
	must(t, stop())
}

// TestAStoreThatCannotBeOpenedLeavesNoSocket, since that was made first.
func TestAStoreThatCannotBeOpenedLeavesNoSocket(t *testing.T) {
	config, socket := device(t)
	db := filepath.Join(filepath.Dir(config), "db", "hcsroute.db")
	must(t, os.Mkdir(filepath.Dir(db), 0o700))
	must(t, os.WriteFile(db, []byte("no store"), 0o600))
	if _, err := execute(t.Context(), io.Discard, "--config", config); err == nil || !strings.Contains(err.Error(), "it cannot be opened") {
		t.Fatalf("a damaged store: %v", err)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if data, err := os.ReadFile(db); err != nil || string(data) != "no store" {
		t.Errorf("the file is %q, %v", data, err)
	}
}
