package certs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestList: the leaf and its authorities in use, and beside them what is in the
// files and cannot be used.
func TestList(t *testing.T) {
	dir := t.TempDir()
	must(t, Init(CAOptions{Dir: dir, Name: "cameras CA"}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Host, Name: "host"}))
	f := load(t, dir, "host")
	cert, ca := filepath.Join(dir, "host.crt"), filepath.Join(dir, CACert)
	now := time.Now()

	list := f.List("agents.tls", now)
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	leaf, root := list[0], list[1]
	if leaf.Use != "agents.tls.cert" || leaf.File != cert || leaf.Subject != "CN=host" || leaf.Issuer != "CN=cameras CA" || len(leaf.Serial) < 16 || !leaf.InUse || leaf.Problem != "" || leaf.NotAfter.Before(now) {
		t.Errorf("leaf %+v", leaf)
	}
	if root.Use != "agents.tls.ca" || root.File != ca || root.Subject != "CN=cameras CA" || !root.InUse || root.Problem != "" {
		t.Errorf("CA %+v", root)
	}
	for _, c := range f.List("agents.tls", leaf.NotAfter.Add(-ExpiryWarning/2))[:1] {
		if !strings.HasPrefix(c.Problem, "it expires on ") {
			t.Errorf("soon: %+v", c)
		}
	}
	for _, c := range f.List("agents.tls", root.NotAfter.Add(time.Hour)) {
		if !strings.HasPrefix(c.Problem, "it has expired on ") || !c.InUse {
			t.Errorf("late: %+v", c)
		}
	}

	// A certificate without its key: the good one stays in use.
	elsewhere := t.TempDir()
	must(t, Init(CAOptions{Dir: elsewhere}))
	must(t, Issue(LeafOptions{Dir: elsewhere, Kind: Host, Name: "stranger"}))
	foreign, err := os.ReadFile(filepath.Join(elsewhere, "stranger.crt"))
	must(t, err)
	good, err := os.ReadFile(cert)
	must(t, err)
	must(t, os.WriteFile(cert, foreign, 0o600))
	list = f.List("agents.tls", now)
	if len(list) != 3 || list[0].Serial != leaf.Serial || !list[0].InUse {
		t.Fatalf("%+v", list)
	}
	if bad := list[1]; bad.Use != "agents.tls.cert" || bad.File != cert || bad.InUse || bad.Subject != "CN=stranger" || !strings.Contains(bad.Problem, "private key") {
		t.Errorf("on disk: %+v", bad)
	}
	must(t, os.WriteFile(cert, good, 0o600))

	// A CA's file with nothing in it.
	must(t, os.WriteFile(ca, []byte("nothing"), 0o600))
	list = f.List("agents.tls", now)
	if len(list) != 3 || !list[1].InUse || list[1].Serial != root.Serial {
		t.Fatalf("%+v", list)
	}
	if bad := list[2]; bad.Use != "agents.tls.ca" || bad.File != ca || bad.InUse || bad.Subject != "" || !strings.Contains(bad.Problem, "no certificate") {
		t.Errorf("on disk: %+v", bad)
	}

	// Nothing ever was in use.
	list = Await(filepath.Join(dir, "none.crt"), filepath.Join(dir, "none.key"), ca).List("listen.remote", now)
	if len(list) != 1 || list[0].InUse || list[0].Use != "listen.remote.cert" || !strings.Contains(list[0].Problem, "none.crt") {
		t.Errorf("%+v", list)
	}
	if list := (*Files)(nil).List("listen.remote", now); list != nil {
		t.Errorf("no files: %+v", list)
	}
}
