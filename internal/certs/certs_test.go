package certs

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, dir, name string) *Files {
	t.Helper()
	f, err := Load(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"), filepath.Join(dir, CACert))
	must(t, err)
	return f
}

// handshake runs one real TLS handshake over TCP and returns the client's view.
func handshake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	must(t, err)
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		defer c.Close()
		_, err = c.Write([]byte("x"))
		served <- err
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer raw.Close()
	c := tls.Client(raw, client)
	_, err = c.Read(make([]byte, 1))
	return c.ConnectionState(), errors.Join(err, <-served)
}

func TestMutualTLSAndReload(t *testing.T) {
	dir := t.TempDir()
	must(t, Init(CAOptions{Dir: dir}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Service, Name: "server", SANs: []string{"localhost", "127.0.0.1"}}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Client, Name: "ann", Role: "operator"}))
	for _, name := range []string{"ca.key", "server.key", "ann.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	server, client := load(t, dir, "server"), load(t, dir, "ann")
	config := server.ServerConfig()
	cc, err := client.ClientConfig("127.0.0.1")
	must(t, err)
	state, err := handshake(t, config, cc)
	must(t, err)
	if state.Version != tls.VersionTLS13 {
		t.Errorf("TLS version %x", state.Version)
	}
	if uri := client.pair.Leaf.URIs[0].String(); uri != RolePrefix+"operator" {
		t.Errorf("URI SAN %s", uri)
	}
	serial := state.PeerCertificates[0].SerialNumber

	// The same configuration serves the new certificate.
	must(t, Issue(LeafOptions{Dir: dir, Kind: Service, Name: "server", SANs: []string{"127.0.0.1", "other"}, Force: true}))
	state, err = handshake(t, config, cc)
	must(t, err)
	if state.PeerCertificates[0].SerialNumber.Cmp(serial) == 0 {
		t.Error("the old certificate is still served")
	}
	// A broken file leaves the last good one in use, and says so.
	must(t, os.WriteFile(filepath.Join(dir, "server.crt"), []byte("garbage"), 0o644))
	_, err = handshake(t, config, cc)
	must(t, err)
	if err := server.Problem(time.Now()); err == nil || !strings.Contains(err.Error(), "last good") {
		t.Errorf("problem %v", err)
	}
}

func TestRefusedHandshakes(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	must(t, Init(CAOptions{Dir: dir}))
	must(t, Init(CAOptions{Dir: other}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Service, Name: "server", SANs: []string{"127.0.0.1"}}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Agent, Name: "k8s-master"}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Host, Name: "host"}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Client, Name: "late", Role: "reader", Now: time.Now().Add(-48 * time.Hour), Validity: time.Hour}))
	must(t, Issue(LeafOptions{Dir: other, Kind: Client, Name: "stranger", Role: "admin"}))
	server, agent := load(t, dir, "server").ServerConfig(), load(t, dir, "k8s-master").ServerConfig()
	host := load(t, dir, "host")
	good, err := host.ClientConfig("k8s-master")
	must(t, err)
	_, err = handshake(t, agent, good)
	must(t, err)

	wrongName, err := host.ClientConfig("k8s-worker")
	must(t, err)
	late, err := load(t, dir, "late").ClientConfig("127.0.0.1")
	must(t, err)
	stranger, err := load(t, other, "stranger").ClientConfig("127.0.0.1")
	must(t, err)
	stranger.RootCAs = good.RootCAs
	none := late.Clone()
	none.GetClientCertificate, none.Certificates = nil, nil
	old := good.Clone()
	old.ServerName, old.MinVersion, old.MaxVersion = "127.0.0.1", tls.VersionTLS12, tls.VersionTLS12
	for name, tc := range map[string]struct{ server, client *tls.Config }{
		"another node's name": {agent, wrongName},
		"expired":             {server, late},
		"another CA":          {server, stranger},
		"no certificate":      {server, none},
		"TLS 1.2":             {server, old},
	} {
		if _, err := handshake(t, tc.server, tc.client); err == nil {
			t.Errorf("%s: the handshake succeeded", name)
		}
	}
	if err := load(t, dir, "late").Problem(time.Now()); err == nil || !strings.Contains(err.Error(), "has expired") {
		t.Errorf("expired: problem %v", err)
	}
	if err := host.Problem(time.Now()); err != nil {
		t.Errorf("fresh: problem %v", err)
	}
	if err := host.Problem(time.Now().Add(leafValidity - 13*24*time.Hour)); err == nil || !strings.Contains(err.Error(), "expires on") {
		t.Errorf("13 days before the end: problem %v", err)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	must(t, Init(CAOptions{Dir: dir}))
	before, err := os.ReadFile(filepath.Join(dir, CAKey))
	must(t, err)
	if err := Init(CAOptions{Dir: dir}); err == nil {
		t.Error("a second Init succeeded")
	}
	after, err := os.ReadFile(filepath.Join(dir, CAKey))
	must(t, err)
	if string(before) != string(after) {
		t.Error("the CA's key changed")
	}
	for name, o := range map[string]LeafOptions{
		"role":           {Kind: Client, Name: "x", Role: "root"},
		"role of server": {Kind: Service, Name: "x", Role: "admin"},
		"kind":           {Kind: "x", Name: "x"},
		"name":           {Kind: Host, Name: "../x"},
	} {
		o.Dir = dir
		if err := Issue(o); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
}

// TestKeysThatOthersCanReadAreRefused: such a key proves nothing.
func TestKeysThatOthersCanReadAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this system keeps no modes")
	}
	dir := t.TempDir()
	must(t, Init(CAOptions{Dir: dir}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Host, Name: "host"}))
	key := filepath.Join(dir, "host.key")
	files := load(t, dir, "host")
	for _, mode := range []os.FileMode{0o644, 0o604, 0o660, 0o666} {
		must(t, os.Chmod(key, mode))
		if _, err := Load(filepath.Join(dir, "host.crt"), key, filepath.Join(dir, CACert)); err == nil || !strings.Contains(err.Error(), "chmod 0600 "+key) {
			t.Errorf("%v: %v", mode, err)
		}
	}
	must(t, os.Chtimes(key, time.Time{}, time.Now().Add(time.Minute)))
	if err := files.Problem(time.Now()); err == nil || !strings.Contains(err.Error(), "last good certificate stays in use") {
		t.Errorf("in use: %v", err)
	}
	must(t, os.Chmod(key, 0o640)) // for a group
	must(t, files.Problem(time.Now()))
}

// TestAwaitedFiles: nobody gets in before the files are good, and none of the
// system's authorities stands in for the one that is missing.
func TestAwaitedFiles(t *testing.T) {
	dir, later := t.TempDir(), t.TempDir()
	must(t, Init(CAOptions{Dir: dir}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Host, Name: "host"}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Agent, Name: "k8s-master"}))
	host, err := load(t, dir, "host").ClientConfig("k8s-master")
	must(t, err)
	path := func(name string) string { return filepath.Join(later, name) }
	files := Await(path("k8s-master.crt"), path("k8s-master.key"), path(CACert))
	config := files.ServerConfig()
	for _, name := range []string{"k8s-master.crt", "k8s-master.key", CACert} {
		if err := files.Usable(); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("before %s is there: %v", name, err)
		}
		if err := files.Problem(time.Now()); err == nil || !strings.Contains(err.Error(), "no certificate is in use") {
			t.Errorf("before %s is there: problem %v", name, err)
		}
		if roots, err := files.Roots(); err == nil || roots != nil {
			t.Errorf("before %s is there: the roots are %v, %v", name, roots, err)
		}
		if _, err := files.ClientConfig("host"); err == nil {
			t.Errorf("before %s is there: a client's configuration", name)
		}
		if _, err := handshake(t, config, host); err == nil {
			t.Errorf("before %s is there: the handshake succeeded", name)
		}
		must(t, os.Rename(filepath.Join(dir, name), path(name)))
	}
	must(t, files.Usable())
	must(t, files.Problem(time.Now()))
	_, err = handshake(t, config, host)
	must(t, err)
	must(t, os.Remove(path("k8s-master.key")))
	must(t, files.Usable()) // the last good one stays
}

// TestValidity: nothing given is the default; what cannot be is refused.
func TestValidity(t *testing.T) {
	dir := t.TempDir()
	must(t, Init(CAOptions{Dir: dir, Validity: MaxDays * 24 * time.Hour}))
	for _, validity := range []time.Duration{-1, -24 * time.Hour, MaxDays*24*time.Hour + 1} {
		if err := Issue(LeafOptions{Dir: dir, Kind: Agent, Name: "odd", Validity: validity}); err == nil || !strings.Contains(err.Error(), validity.String()) {
			t.Errorf("%s: %v", validity, err)
		}
	}
	must(t, Issue(LeafOptions{Dir: dir, Kind: Agent, Name: "plain"}))
	if end := load(t, dir, "plain").pair.Leaf.NotAfter; time.Until(end) < leafValidity-time.Hour || time.Until(end) > leafValidity {
		t.Errorf("the default ends on %s", end)
	}
}

// TestACertificateEndsWithItsAuthority: whoever asks for more hears of both dates,
// nobody else does, and an authority that has ended issues nothing.
func TestACertificateEndsWithItsAuthority(t *testing.T) {
	const day = 24 * time.Hour
	dir, now := t.TempDir(), time.Now().Truncate(time.Second)
	must(t, Init(CAOptions{Dir: dir, Validity: 10 * day, Now: now}))
	for _, c := range []struct {
		days int
		said bool
	}{{9, false}, {10, false}, {11, true}, {0, true}} {
		said := false
		o := LeafOptions{Dir: dir, Kind: Agent, Name: "k8s-master", Validity: time.Duration(c.days) * day, Now: now, Force: true}
		o.Shortened = func(end, asked time.Time) {
			said = true
			if want := now.Add(cmp.Or(o.Validity, leafValidity)); !end.Equal(now.Add(10*day)) || !asked.Equal(want) {
				t.Errorf("%d days: it ends on %s, and was to end on %s", c.days, end, asked)
			}
		}
		must(t, Issue(o))
		if said != c.said {
			t.Errorf("%d days: a word of it: %v, want %v", c.days, said, c.said)
		}
		if end, last := load(t, dir, "k8s-master").pair.Leaf.NotAfter, now.Add(10*day); end.After(last) {
			t.Errorf("%d days: it ends on %s, its authority on %s", c.days, end, last)
		}
	}
	late := LeafOptions{Dir: dir, Kind: Agent, Name: "late", Now: now.Add(10 * day)}
	if err := Issue(late); err == nil || !strings.Contains(err.Error(), "certs init") {
		t.Errorf("by an authority that has ended: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "late.crt")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("by an authority that has ended: %v", err)
	}
}
