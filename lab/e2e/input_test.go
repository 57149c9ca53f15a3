//go:build linux

package e2e

import (
	"bytes"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab/system"
)

func contains(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// TestGarbageOnTheSocket: others are still served.
func TestGarbageOnTheSocket(t *testing.T) {
	s := start(t, system.Options{})
	for range 20 {
		conn, err := net.Dial("unix", strings.TrimPrefix(s.Address, "unix://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		noise := make([]byte, 64<<10)
		rand.Read(noise)
		conn.Write(noise)
	}
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	cli(t, s, 0, "get")
}

// runService runs a second service to its end and returns what it printed.
func runService(t *testing.T, s *system.System, config string) (string, int) {
	t.Helper()
	cmd := s.Command(t.Context(), s.Binaries.Service, "--config", config)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err == nil {
		t.Fatalf("the service started:\n%s", out.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func writeConfig(t *testing.T, s *system.System, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hcsrouted.yaml")
	text = strings.ReplaceAll(text, "$DIR", s.Lab.StateDir)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServiceRefusesToStart(t *testing.T) {
	s := start(t, system.Options{})
	corrupt := filepath.Join(s.Lab.StateDir, "corrupt.db")
	if err := os.WriteFile(corrupt, bytes.Repeat([]byte("not a store "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	const rest = "\nlisten: {local: {address: \"unix://$DIR/second.sock\"}}\ninventory: {provider: none, file: \"$DIR/host/inventory.yaml\"}\n"
	for name, tc := range map[string]struct {
		config string
		says   []string
	}{
		"second instance": {"store: {path: \"$DIR/host/hcsroute.db\"}" + rest, []string{"hcsroute.db", "in use"}},
		"corrupt store":   {"store: {path: \"$DIR/corrupt.db\"}" + rest, []string{"corrupt.db"}},
		"unknown key":     {"store: {path: \"$DIR/new.db\"}\nstroe: 1" + rest, []string{"stroe", "2"}},
		"bad policy":      {"store: {path: \"$DIR/new.db\"}\npolicy: {default_routes: perhaps}" + rest, []string{"perhaps", "allow", "refuse"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := runService(t, s, writeConfig(t, s, tc.config))
			if code == 0 || !contains(out, tc.says...) {
				t.Errorf("exit code %d; want %q in:\n%s", code, tc.says, out)
			}
		})
	}
	kept, err := os.ReadFile(corrupt)
	if err != nil || !bytes.HasPrefix(kept, []byte("not a store ")) {
		t.Error("the corrupt file was overwritten")
	}
	cli(t, s, 0, "get")
}

func TestLiveInventory(t *testing.T) {
	s := start(t, system.Options{})
	good, err := os.ReadFile(s.InventoryPath())
	if err != nil {
		t.Fatal(err)
	}
	edit := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(s.InventoryPath(), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit(append([]byte("nonsense: [\n"), good...))
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1") // the last good one is kept
	edit(bytes.Replace(good, []byte("alias: Port3\n"), []byte("alias: Port3\n      role: management\n"), 1))
	polltest.Until(t, "the edited role is in force", func() bool {
		res, err := s.CLI(t.Context(), "add", "Port3", "192.168.22.0/24", "192.168.20.1", "--dry-run")
		return err == nil && res.Code == 6 && contains(res.Stderr, "HOST_ROUTE")
	})
	edit(good)
	polltest.Until(t, "the good inventory is in force again", func() bool {
		res, err := s.CLI(t.Context(), "add", "Port3", "192.168.22.0/24", "192.168.20.1", "--dry-run")
		return err == nil && res.Code == 0
	})
}
