package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/hcsroute/hcsroute/routes"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hcsrouted.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const whole = `store:
  path: data/hcsroute.db
listen:
  local:
    address: unix:///run/x/x.sock
    readers: {uids: [1000, 1001], gids: []}
    admins: {gids: [27]}
  remote:
    address: tcp://127.0.0.1:7443
    cert: server.crt
    key: /abs/server.key
    ca: ca.crt
inventory: {provider: none, file: inventory.yaml}
agents:
  tls: {cert: host.crt, key: host.key, ca: ca.crt}
policy:
  default_routes: allow
  external_service_ranges: [10.9.0.10-10.9.0.20, 10.9.1.1, 10.10.0.0/24]
limits: {connections: 8, message: 8MiB, handshake: 2s}
log: {level: debug, format: json}
`

func TestLoadServiceReadsEveryPart(t *testing.T) {
	path := write(t, whole)
	c, err := LoadService(Sources{File: path})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	if want := filepath.Join(dir, "data/hcsroute.db"); c.Store.Path != want {
		t.Errorf("store.path = %s, want %s", c.Store.Path, want)
	}
	if c.Listen.Remote.Cert != filepath.Join(dir, "server.crt") || c.Listen.Remote.Key != "/abs/server.key" {
		t.Errorf("listen.remote = %+v", c.Listen.Remote)
	}
	if c.Listen.Local.Address.Host != "/run/x/x.sock" || len(c.Listen.Local.Readers.UIDs) != 2 || c.Listen.Local.Admins.GIDs[0] != 27 {
		t.Errorf("listen.local = %+v", c.Listen.Local)
	}
	if c.Limits.Message != 8<<20 || c.Limits.Handshake != 2*time.Second || c.Limits.Streams != 128 {
		t.Errorf("limits = %+v", c.Limits)
	}
	rules := c.Policy.Rules()
	if rules.DefaultRoutes != routes.Allow || rules.HostDestinations != routes.Allow || len(rules.Protected) != 7 || rules.CoverProtected != routes.Refuse {
		t.Errorf("policy = %+v", rules)
	}
	if p := rules.Protected[1]; p.Kind != routes.ProtectedPods || p.Name != "fd12:3456:789a::/64" {
		t.Errorf("the pods' IPv6 range = %+v", p)
	}
	if p := rules.Protected[4]; p.Kind != routes.ProtectedExternal || p.First.String() != "10.9.0.10" || p.Last.String() != "10.9.0.20" {
		t.Errorf("external range = %+v", p)
	}
	if p := rules.Protected[6]; p.Last.String() != "10.10.0.255" {
		t.Errorf("external prefix = %+v", p)
	}
}

func TestPrecedenceIsFileEnvironmentFlags(t *testing.T) {
	path := write(t, "store: {path: /file}\nlog: {level: warn}\nlimits: {connections: 7}\n")
	defaults := DefaultService()
	flags := pflag.NewFlagSet("hcsrouted", pflag.ContinueOnError)
	BindFlags(flags, &defaults)
	if err := flags.Parse([]string{"--store-path=/flag", "--listen-local-operators-uids=5,6"}); err != nil {
		t.Fatal(err)
	}
	c, err := LoadService(Sources{
		File:    path,
		Environ: []string{"HCSROUTED_STORE_PATH=/environment", "HCSROUTED_LOG_LEVEL=error", "OTHER=1", "HCSROUTED_POLICY_POD_SUBNETS=10.1.0.0/16, 10.2.0.0/16"},
		Flags:   flags,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Path != "/flag" || c.Log.Level != "error" || c.Limits.Connections != 7 || c.Log.Format != "text" {
		t.Errorf("store.path %s, log.level %s, limits.connections %d, log.format %s", c.Store.Path, c.Log.Level, c.Limits.Connections, c.Log.Format)
	}
	if len(c.Listen.Local.Operators.UIDs) != 2 || len(c.Policy.PodSubnets) != 2 || c.Listen.Remote != nil {
		t.Errorf("lists: %+v %+v; remote %v", c.Listen.Local.Operators.UIDs, c.Policy.PodSubnets, c.Listen.Remote)
	}
}

// The messages are what an operator sees; each names line, key and value.
func TestMistakesAreNamed(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "store:\n  pth: x\n", `:2: store.pth: unknown key; known here: path`},
		{"given twice", "log: {level: info}\nlog: {level: warn}\n", `:2: log: given twice, first in line 1`},
		{"duration", "limits:\n  handshake: 5\n", `:2: limits.handshake: "5": want a duration, such as 500ms, 10s or 5m`},
		{"negative", "limits: {connections: -1}\n", `:1: limits.connections: "-1": want a whole number: written with a sign`},
		{"too small", "limits: {connections: 0}\n", `:1: limits.connections: "0": want 1 to 100000`},
		{"octal", "limits: {connections: 010}\n", `:1: limits.connections: "010": want a whole number: written with leading zeros; write 10`},
		{"octal size", "limits: {message: 010MiB}\n", `:1: limits.message: "010MiB": want a size in bytes`},
		{"not a list", "listen: {local: {readers: {uids: 5}}}\n", `:1: listen.local.readers.uids: "5": want a list, such as [a, b]`},
		{"list item", "listen: {local: {readers: {uids: [1, x]}}}\n", `:1: listen.local.readers.uids[1]: "x": want a whole number from 0 up`},
		{"callers without a role", "listen: {local: {gids: [27]}}\n", `:1: listen.local.gids: unknown key; known here: address, readers, operators, admins`},
		{"not a scalar", "store: {path: [a]}\n", `:1: store.path: want a single value, not a list`},
		{"host bits", "policy:\n  protected:\n  - 10.0.0.1/8\n", `:3: policy.protected[0]: "10.0.0.1/8": bits are set to the right of /8; use 10.0.0.0/8`},
		{"backwards", "policy: {node_ranges: [10.0.0.9-10.0.0.1]}\n", `:1: policy.node_ranges[0]: "10.0.0.9-10.0.0.1": want first-last of one address family`},
		{"permission", "policy:\n  cover_services: yes\n", `:2: policy.cover_services: "yes": want allow or refuse`},
		{"size", "limits: {message: 4MB}\n", `:1: limits.message: "4MB": want a size in bytes, such as 4194304 or 4MiB`},
		{"address", "listen: {local: {address: /run/x}}\n", `:1: listen.local.address: "/run/x": want unix:///path or tcp://host:port`},
		{"remote without TLS", "listen: {remote: {address: 'tcp://:1'}}\n", `:1: listen.remote: cert, key and ca are needed: remote callers are never taken without mutual TLS`},
		{"half TLS", "agents: {tls: {cert: a}}\n", `:1: agents.tls: cert, key and ca are needed together`},
		{"syntax", "store: [\n", `hcsrouted.yaml:1: `},
		{"second document", "store: {path: x}\n---\nlog: {level: warn}\n", `hcsrouted.yaml:2: a second YAML document begins here; write everything into one`},
		{"second document, empty", "store: {path: x}\n---\n", `:2: a second YAML document`},
		{"second document, broken", "store: {path: x}\n---\nlog: [\n", `hcsrouted.yaml:3: `},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := LoadService(Sources{File: write(t, tc.text)})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v\nwant it to contain %s", err, tc.want)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("error is a %T", err)
			}
		})
	}
}

func TestMistakesInEnvironmentAndFlagsAreNamed(t *testing.T) {
	flags := pflag.NewFlagSet("x", pflag.ContinueOnError)
	defaults := DefaultAgent()
	BindFlags(flags, &defaults)
	if err := flags.Parse([]string{"--resync-interval=soon", "--protocol=4"}); err != nil {
		t.Fatal(err)
	}
	_, err := LoadAgent(Sources{Environ: []string{"HCSROUTE_AGENT_NOED=x"}, Flags: flags})
	for _, want := range []string{
		`environment HCSROUTE_AGENT_NOED: no such setting`,
		`flag --resync-interval: resync_interval: "soon": want a duration`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\nwant it to contain %s", err, want)
		}
	}
}

func TestLoadAgent(t *testing.T) {
	if _, err := LoadAgent(Sources{File: write(t, "node: a\n---\nprotocol: 150\n")}); err == nil || !strings.Contains(err.Error(), "a second YAML document") {
		t.Errorf("two documents: %v", err)
	}
	if c, err := LoadAgent(Sources{File: write(t, "# marks are fine\n---\nnode: a\n...\n")}); err != nil || c.Node != "a" {
		t.Errorf("one document with marks: %+v, %v", c, err)
	}
	path := write(t, "node: k8s-master\nlisten: ['unix:///run/a/a.sock', 'tcp://10.0.10.11:7444']\ntls: {cert: a.crt, key: a.key, ca: ca.crt}\nresync_interval: 30s\n")
	c, err := LoadAgent(Sources{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if c.Protocol != 157 || c.Resync != 30*time.Second || len(c.Listen) != 2 || c.TLS.Cert != filepath.Join(filepath.Dir(path), "a.crt") {
		t.Errorf("%+v", c)
	}
	if _, err := LoadAgent(Sources{File: write(t, "node: a\nlisten: ['tcp://:1']\n")}); err == nil || !strings.Contains(err.Error(), "never served without mutual TLS") {
		t.Errorf("TCP without TLS: %v", err)
	}
	for network, refused := range map[string]bool{"unix": false, "tcp": true, "vsock": true, "": true} {
		c := DefaultAgent()
		c.Node, c.Listen = "a", []Address{{Network: network, Host: "/run/a"}}
		if err := c.Validate(); refused != (err != nil) || refused && !strings.Contains(err.Error(), "never served without mutual TLS") {
			t.Errorf("%q without TLS: %v", network, err)
		}
	}
	if _, err := LoadAgent(Sources{File: write(t, "node: a\nprotocol: 4\n")}); err == nil || !strings.Contains(err.Error(), `:2: protocol: "4": want 130 to 185`) {
		t.Errorf("protocol 4: %v", err)
	}
}
