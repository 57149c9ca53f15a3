package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/routes"
)

func route(t testing.TB, n int, metric uint32) routes.Route {
	t.Helper()
	f := routes.Fields{Interface: "Port3", Metric: metric}
	if n%3 == 2 {
		f.Interface, f.NextHop = "Port4", netip.MustParseAddr("2001:db8::1")
		f.Destination = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(n >> 16), byte(n >> 8), byte(n)}), 64)
	} else {
		f.NextHop = netip.MustParseAddr("192.168.20.1")
		f.Destination = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 32)
	}
	r, err := routes.New(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// build makes the complete state of n routes at revision n.
func build(t testing.TB, n int) *desired.State {
	s := &desired.State{Set: desired.NewSet(n), Ports: desired.Ports{List: []desired.Port{{Alias: "Port3", MAC: "02:00:00:00:00:01"}, {Alias: "Port4"}}}}
	for i := range n {
		s.Set.Put(route(t, i, 256))
	}
	s.Version = routes.Version{StoreID: "store-1", Epoch: 3, Revision: routes.Revision(n), Count: uint64(n), Digest: s.Set.Digest()}
	return s
}

// change makes the change that adds or removes one route, and applies it.
func change(t testing.TB, s *desired.State, r routes.Route, remove bool) desired.Change {
	t.Helper()
	c := desired.Change{From: s.Version.Revision, Version: s.Version}
	c.Version.Revision++
	if remove {
		c.Removals = []routes.Key{r.Key()}
		c.Version.Count--
		c.Version.Digest = c.Version.Digest.Remove(r)
	} else {
		c.Upserts = []routes.Route{r}
		c.Version.Count++
		c.Version.Digest = c.Version.Digest.Add(r)
	}
	if err := s.Apply(c); err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, dir string) (*Journal, desired.State, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	j, s, err := Open(Options{Dir: dir, Node: "k8s-master", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, s, &log
}

func reopen(t testing.TB, j *Journal) (*Journal, desired.State, *bytes.Buffer) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, j.dir)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenEmpty(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	_, s, _ := open(t, dir)
	if s.Complete() || s.Set.Len() != 0 {
		t.Fatalf("a new log has a set: %+v", s.Version)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("folder %v, %v", info.Mode(), err)
	}
}

func TestReplaceAndAppend(t *testing.T) {
	j, _, _ := open(t, t.TempDir())
	s := build(t, 5000)
	must(t, j.Replace(s))
	must(t, j.Append(s, change(t, s, route(t, 9000, 300), false), change(t, s, route(t, 7, 256), true)))
	ports := desired.Ports{List: []desired.Port{{Alias: "Port3", MAC: "02:00:00:00:00:09"}}, AllowOverrideOnLink: true}
	c := desired.Change{From: s.Version.Revision, Version: s.Version, Ports: &ports}
	must(t, s.Apply(c))
	must(t, j.Append(s, c))
	_, got, log := reopen(t, j)
	if got.Version != s.Version || !got.Ports.Equal(ports) || got.Verify() != nil {
		t.Fatalf("got %+v %+v, want %+v", got.Version, got.Ports, s.Version)
	}
	if log.Len() > 0 {
		t.Fatalf("a clean log complains: %s", log)
	}
}

func TestEmptySetIsComplete(t *testing.T) {
	j, _, _ := open(t, t.TempDir())
	must(t, j.Replace(build(t, 0)))
	if _, s, _ := reopen(t, j); !s.Complete() || s.Set.Len() != 0 {
		t.Fatalf("complete %v, %d routes", s.Complete(), s.Set.Len())
	}
}

func TestLocked(t *testing.T) {
	j, _, _ := open(t, t.TempDir())
	if _, _, err := Open(Options{Dir: j.dir, Node: "k8s-master", Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, errLocked) {
		t.Fatalf("a second process: %v", err)
	}
}

func TestOtherNodeIsMovedAside(t *testing.T) {
	j, _, _ := open(t, t.TempDir())
	must(t, j.Replace(build(t, 3)))
	must(t, j.Close())
	var log bytes.Buffer
	other, s, err := Open(Options{Dir: j.dir, Node: "k8s-worker", Log: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	defer other.Close()
	if s.Complete() || !strings.Contains(log.String(), "k8s-master") {
		t.Fatalf("took the log of another node: %s", &log)
	}
}

func TestCompaction(t *testing.T) {
	j, _, _ := open(t, t.TempDir())
	s := build(t, 10)
	must(t, j.Replace(s))
	for i := 0; !j.Oversized(); i++ {
		must(t, j.Append(s, change(t, s, route(t, 100, 256), i%2 == 1)))
	}
	before := j.size
	c := j.Begin(s)
	must(t, j.Append(s, change(t, s, route(t, 500, 256), false)))
	c.Write()
	must(t, j.Append(s, change(t, s, route(t, 501, 256), false)))
	must(t, j.Finish(c))
	if j.size > before/10 {
		t.Fatalf("%d bytes after the compaction of %d", j.size, before)
	}
	must(t, j.Append(s, change(t, s, route(t, 502, 256), false)))
	void := j.Begin(s)
	void.Write()
	must(t, j.Replace(s))
	must(t, j.Append(s, change(t, s, route(t, 503, 256), false)))
	must(t, j.Finish(void))
	j, got, _ := reopen(t, j)
	if got.Version != s.Version || got.Verify() != nil {
		t.Fatalf("got %+v, want %+v", got.Version, s.Version)
	}
	entries, err := os.ReadDir(j.dir)
	must(t, err)
	if len(entries) != 2 {
		t.Fatalf("files left: %v", entries)
	}
}

// TestFailedSyncMakesANewFile: after a failed fsync the kernel may have
// dropped the pages, so that nothing may be appended to that file any more.
func TestFailedSyncMakesANewFile(t *testing.T) {
	j, _, _ := open(t, t.TempDir())
	s := build(t, 10)
	must(t, j.Replace(s))
	injected, fault := 0, errors.New("injected")
	j.sync = func(*os.File) error { injected++; return fault }
	first := change(t, s, route(t, 100, 256), false)
	if err := j.Append(s, first); !errors.Is(err, fault) {
		t.Fatalf("Append: %v", err)
	}
	if err := j.Append(s, first); !errors.Is(err, fault) {
		t.Fatalf("the retry: %v", err)
	}
	if injected != 2 {
		t.Fatalf("%d faults consumed", injected)
	}
	j.sync = syncData
	old := j.file
	must(t, j.Append(s, first, change(t, s, route(t, 101, 256), false)))
	if j.file == old {
		t.Fatal("appended to the file whose fsync had failed")
	}
	if _, got, _ := reopen(t, j); got.Version != s.Version {
		t.Fatalf("got %+v, want %+v", got.Version, s.Version)
	}
}

// TestEveryTornEnd cuts the log at every byte behind the whole set, also with
// zeros behind the cut: the state is that of the last whole change.
func TestEveryTornEnd(t *testing.T) {
	j, _, _ := open(t, t.TempDir())
	s := build(t, 4)
	must(t, j.Replace(s))
	versions := map[int64]routes.Version{j.size: s.Version}
	base := j.size
	for i := range 4 {
		must(t, j.Append(s, change(t, s, route(t, 100+i, 256), false)))
		versions[j.size] = s.Version
	}
	must(t, j.Close())
	path := filepath.Join(j.dir, logName)
	whole, err := os.ReadFile(path)
	must(t, err)
	want := versions[base]
	for cut := base; cut <= int64(len(whole)); cut++ {
		if v, ok := versions[cut]; ok {
			want = v
		}
		if cut < int64(len(whole)) && versions[cut+1].StoreID != "" && whole[cut] == 0 {
			continue // zeros behind the cut would make the record whole
		}
		for _, zeros := range []int{0, 40} {
			must(t, os.WriteFile(path, append(bytes.Clone(whole[:cut]), make([]byte, zeros)...), 0o600))
			k, got, log := open(t, j.dir)
			if got.Version != want || got.Verify() != nil {
				t.Fatalf("cut at %d of %d: got %+v, want %+v: %s", cut, len(whole), got.Version, want, log)
			}
			must(t, k.Append(&got, change(t, &got, route(t, 900, 256), false)))
			if _, again, _ := reopen(t, k); again.Version != got.Version {
				t.Fatalf("cut at %d: appended %+v, read %+v", cut, got.Version, again.Version)
			}
			must(t, removeIfThere(j.dir, lockName))
		}
	}
}

// TestEveryFlippedByte: a log with a wrong byte never yields a set that was
// not acknowledged.
func TestEveryFlippedByte(t *testing.T) {
	j, _, _ := open(t, t.TempDir())
	s := build(t, 3)
	must(t, j.Replace(s))
	good := map[routes.Version]bool{s.Version: true}
	tail := int64(0)
	for i := range 3 {
		tail = j.size // of the last record
		must(t, j.Append(s, change(t, s, route(t, 100+i, 256), false)))
		good[s.Version] = true
	}
	last := s.Version
	must(t, j.Close())
	path := filepath.Join(j.dir, logName)
	whole, err := os.ReadFile(path)
	must(t, err)
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x41
		must(t, os.WriteFile(path, bad, 0o600))
		k, got, log := open(t, j.dir)
		switch {
		case got.Complete() && (!good[got.Version] || got.Version == last || got.Verify() != nil):
			t.Fatalf("byte %d flipped: took %+v", i, got.Version)
		case got.Complete() && int64(i) < tail:
			t.Fatalf("byte %d flipped, in the middle of the log: taken for a torn end", i)
		case !got.Complete() && !strings.Contains(log.String(), "moved aside"):
			t.Fatalf("byte %d flipped: no set and no word: %s", i, log)
		}
		must(t, k.Close())
	}
}

func BenchmarkAppend(b *testing.B) {
	j, _, _ := open(b, b.TempDir())
	s := build(b, 1000)
	must(b, j.Replace(s))
	for i := 0; b.Loop(); i++ {
		must(b, j.Append(s, change(b, s, route(b, 5000, 256), i%2 == 1)))
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			j, _, _ := open(b, b.TempDir())
			must(b, j.Replace(build(b, n)))
			must(b, j.Close())
			b.ReportAllocs()
			for b.Loop() {
				k, s, err := Open(Options{Dir: j.dir, Node: "k8s-master", Log: slog.New(slog.DiscardHandler)})
				if err != nil || s.Set.Len() != n {
					b.Fatal(err, s.Set.Len())
				}
				must(b, k.Close())
			}
		})
	}
}
