package agentd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/internal/process"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// daemonEnv makes the test binary the agent.
const daemonEnv = "HCSROUTE_TEST_DAEMON"

func TestMain(m *testing.M) {
	if os.Getenv(daemonEnv) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		os.Exit(Main(ctx, process.System{Args: os.Args[1:], Environ: os.Environ(), Out: os.Stdout, Err: os.Stderr, Exit: os.Exit}))
	}
	os.Exit(nstest.Main(m))
}

const (
	node     = "k8s-master"
	mac      = "02:00:00:00:20:11"
	protocol = 157
	hop      = "192.168.20.1"
)

// daemon is an agent as a process of its own.
type daemon struct {
	cmd      *exec.Cmd
	dir      string
	log      *logText
	notified *logText // what the service manager got, a line each
	exited   chan struct{}
}

// logText is what a process has said, while it goes on.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func addNIC(t *testing.T) {
	nstest.Veth{Name: "v3", Peer: "p3", MAC: mac, Addresses: []string{"192.168.20.11/24"}}.Add(t)
}

// start starts an agent and waits until it says that it is ready.
func start(t *testing.T, dir string, extra ...string) *daemon {
	t.Helper()
	path := filepath.Join(dir, "notify")
	_ = os.Remove(path) // an earlier process's
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	must(t, err)
	t.Cleanup(func() { notify.Close() })
	must(t, os.Chmod(path, 0o777)) // as systemd's
	args := append([]string{"--node", node, "--state-dir", filepath.Join(dir, "state"), "--listen", "unix://" + filepath.Join(dir, "run", "agent.sock")}, extra...)
	p := &daemon{cmd: exec.Command("/proc/self/exe", args...), dir: dir, log: &logText{}, notified: &logText{}, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), daemonEnv+"=1", "NOTIFY_SOCKET="+path)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	must(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() { p.kill() })
	ready := make(chan struct{})
	go p.listenTo(notify, sync.OnceFunc(func() { close(ready) }))
	select {
	case <-ready:
	case <-p.exited:
		t.Fatalf("ended before it was ready\n%s", p.log)
	case <-time.After(agenttest.Patience):
		p.kill()
		t.Fatalf("not ready: %s\n%s", p.notified, p.log)
	}
	return p
}

// listenTo receives what the process sends the service manager.
func (p *daemon) listenTo(notify *net.UnixConn, ready func()) {
	buf := make([]byte, 4096)
	for {
		n, err := notify.Read(buf)
		if err != nil {
			return // the test ends
		}
		fmt.Fprintf(p.notified, "%s\n", buf[:n])
		if string(buf[:n]) == "READY=1" {
			ready()
		}
	}
}

func (p *daemon) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// says waits until a text has all the words.
func says(t *testing.T, text *logText, words ...string) {
	t.Helper()
	for deadline := time.Now().Add(agenttest.Patience); ; time.Sleep(10 * time.Millisecond) {
		found := true
		for _, w := range words {
			found = found && strings.Contains(text.String(), w)
		}
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %q in\n%s", words, text)
		}
	}
}

func (p *daemon) dial(t *testing.T) pb.AgentServiceClient {
	return agenttest.Dial(t, filepath.Join(p.dir, "run", "agent.sock"))
}

func kernelRoutes(t *testing.T) []string {
	t.Helper()
	list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: protocol}, netlink.RT_FILTER_PROTOCOL)
	must(t, err)
	all := []string{}
	for _, r := range list {
		all = append(all, r.Dst.String())
	}
	slices.Sort(all)
	return all
}

func flush(t *testing.T) {
	t.Helper()
	list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: protocol}, netlink.RT_FILTER_PROTOCOL)
	must(t, err)
	for i := range list {
		must(t, netlink.RouteDel(&list[i]))
	}
}

func route(t testing.TB, n int) routes.Route {
	t.Helper()
	r, err := routes.New(routes.Fields{
		Interface: "Port3", Metric: 256, NextHop: netip.MustParseAddr(hop),
		Destination: netip.PrefixFrom(netip.AddrFrom4([4]byte{20 + byte(n>>16), byte(n >> 8), byte(n), 0}), 24),
	})
	must(t, err)
	return r
}

func syncSet(t *testing.T, p *daemon, h *agenttest.Host) *agenttest.Session {
	t.Helper()
	s := agenttest.Open(t, p.dial(t), h.Hello(node))
	if s.Hello.Refusal != "" {
		t.Fatal(s.Hello.Refusal)
	}
	s.SendSet(t, h)
	s.Carried(t, h)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func processStatus(t *testing.T, pid int, field string) string {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("no %s in status", field)
	return ""
}

// TestBootWithoutHost is a node's reboot: the process dies, the kernel forgets
// the routes, and they are back when the agent says that it is ready.
func TestBootWithoutHost(t *testing.T) {
	addNIC(t)
	dir := t.TempDir()
	p, h := start(t, dir), agenttest.NewHost("store-1", "Port3", mac)
	h.Change([]routes.Route{route(t, 1), route(t, 2)})
	syncSet(t, p, h)
	p.kill()
	flush(t)
	p = start(t, dir)
	if got := kernelRoutes(t); !slices.Equal(got, []string{"20.0.1.0/24", "20.0.2.0/24"}) {
		t.Fatalf("ready with %v in the kernel", got)
	}
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.exited
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.log)
	}
	if got := kernelRoutes(t); len(got) != 2 {
		t.Fatalf("after the end %v", got)
	}
}

// TestKilledInTheMiddle kills the agent at random moments of a stream of
// changes: what it reported is never lost, and the host brings the rest.
func TestKilledInTheMiddle(t *testing.T) {
	addNIC(t)
	dir, h := t.TempDir(), agenttest.NewHost("store-1", "Port3", mac)
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	p := start(t, dir)
	syncSet(t, p, h)
	n := 0
	for range rounds {
		s := agenttest.Open(t, p.dial(t), h.Hello(node))
		if got := s.Hello.Version.GetRevision(); got != uint64(h.Version.Revision) {
			s.SendSet(t, h)
		}
		s.Carried(t, h)
		reported := h.Version
		killed := make(chan struct{})
		time.AfterFunc(rand.N(20*time.Millisecond), func() { p.kill(); close(killed) })
		for more := true; more; {
			d := h.Change([]routes.Route{route(t, n)})
			n++
			before := s.Last.GetVersion().GetRevision()
			if s.TrySend(d) != nil {
				break
			}
			if _, err := s.Next(); err != nil {
				more = false
			}
			if rev := s.Last.GetVersion().GetRevision(); rev > before {
				reported.Revision = routes.Revision(rev)
			}
		}
		<-killed
		p = start(t, dir)
		s = agenttest.Open(t, p.dial(t), h.Hello(node))
		if got := s.Hello.Version.GetRevision(); got < uint64(reported.Revision) {
			t.Fatalf("revision %d was reported, %d is there", reported.Revision, got)
		}
		s.SendSet(t, h)
		s.Carried(t, h)
		if got := kernelRoutes(t); len(got) != h.Set.Len() {
			t.Fatalf("%d routes in the kernel, want %d", len(got), h.Set.Len())
		}
		s.Close()
	}
	t.Logf("%d changes in %d rounds", n, rounds)
}

// TestLeastPrivilege: CAP_NET_ADMIN and nothing else, and no way to more.
func TestLeastPrivilege(t *testing.T) {
	addNIC(t)
	for _, c := range []struct{ user, uid string }{{"", "0"}, {"65534", "65534"}} {
		t.Run("user "+c.user, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{}
			if c.user != "" {
				if os.Getuid() != 0 || privilege.Alone() {
					t.Skip("only root can start a process as another user")
				}
				args = append(args, "--user", c.user)
				reachable(t, dir)
			}
			p, h := start(t, dir, args...), agenttest.NewHost("store-1", "Port3", mac)
			pid := p.cmd.Process.Pid
			for field, want := range map[string]string{
				"CapPrm": "0000000000001000", "CapEff": "0000000000001000", "CapAmb": "0000000000001000", "NoNewPrivs": "1",
				"CapBnd": "0000000000001000", "Uid": strings.Join([]string{c.uid, c.uid, c.uid, c.uid}, "\t"),
			} {
				if got := processStatus(t, pid, field); got != want {
					t.Errorf("%s is %s, want %s", field, got, want)
				}
			}
			h.Change([]routes.Route{route(t, 1)})
			syncSet(t, p, h)
			if got := kernelRoutes(t); len(got) != 1 {
				t.Fatalf("in the kernel: %v", got)
			}
			flush(t)
		})
	}
}

// reachable lets every user reach and use the folder.
func reachable(t *testing.T, dir string) {
	t.Helper()
	must(t, os.Chmod(dir, 0o777))
	for d := filepath.Dir(dir); d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
}

// TestGarbageOnTheSocket does not hurt the session.
func TestGarbageOnTheSocket(t *testing.T) {
	addNIC(t)
	p, h := start(t, t.TempDir()), agenttest.NewHost("store-1", "Port3", mac)
	s := syncSet(t, p, h)
	path := filepath.Join(p.dir, "run", "agent.sock")
	for i := range 60 {
		conn, err := net.Dial("unix", path)
		must(t, err)
		junk := make([]byte, 4096)
		for k := range junk {
			junk[k] = byte(rand.Uint32())
		}
		if i%2 == 0 {
			copy(junk, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		}
		_, _ = conn.Write(junk) // the agent may have hung up already
		conn.Close()
	}
	h.Change(nil)
	s.Send(t, h.Change([]routes.Route{route(t, 1)})) // skips a revision: resync
	s.Until(t, "resync", func() bool { return s.Last.GetResync() })
	s.SendSet(t, h)
	s.Carried(t, h)
	info, err := os.Stat(path)
	must(t, err)
	folder, err := os.Stat(filepath.Dir(path))
	must(t, err)
	if info.Mode().Perm() != 0o600 || folder.Mode().Perm() != 0o700 {
		t.Fatalf("socket %v, folder %v", info.Mode(), folder.Mode())
	}
}

// TestMemory holds 100,000 routes in 64 MiB.
func TestMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("long, and the race detector takes memory itself")
	}
	addNIC(t)
	p, h := start(t, t.TempDir()), agenttest.NewHost("store-1", "Port3", mac)
	all := make([]routes.Route, 100_000)
	for i := range all {
		all[i] = route(t, i)
	}
	h.Change(all)
	begun := time.Now()
	s := syncSet(t, p, h)
	t.Logf("100,000 routes sent, saved, programmed and reported in %s", time.Since(begun).Round(time.Millisecond))
	s.Send(t, h.Change(nil, route(t, 7)))
	s.Carried(t, h)
	report := func(when string) {
		rss := processStatus(t, p.cmd.Process.Pid, "RssAnon")
		t.Logf("%s: RssAnon %s", when, rss)
		var kib int
		if _, err := fmt.Sscan(rss, &kib); err != nil || kib > 64<<10 {
			t.Errorf("%s: RssAnon %s, want at most 64 MiB", when, rss)
		}
	}
	report("after the snapshot")
	p.kill()
	flush(t)
	begun = time.Now()
	p = start(t, p.dir)
	t.Logf("started with 100,000 routes in the kernel in %s", time.Since(begun).Round(time.Millisecond))
	report("after the start")
	if got := len(kernelRoutes(t)); got != h.Set.Len() {
		t.Fatalf("%d routes in the kernel", got)
	}
}

// TestLatency measures one change, from the host's send to the report.
func TestLatency(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("a measurement")
	}
	addNIC(t)
	p, h := start(t, t.TempDir()), agenttest.NewHost("store-1", "Port3", mac)
	s := syncSet(t, p, h)
	var took []time.Duration
	for i := range 1000 {
		d := h.Change([]routes.Route{route(t, i)})
		begun := time.Now()
		s.Send(t, d)
		s.Carried(t, h)
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	t.Logf("change to report: p50 %s, p99 %s, max %s", took[500], took[990], took[999])
}

func TestRefusedStarts(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		word string
	}{
		"no node":         {[]string{"--state-dir", dir}, "node"},
		"unknown flag":    {[]string{"--nod", "x"}, "unknown flag"},
		"argument":        {[]string{"x"}, "unknown command"},
		"tcp without tls": {[]string{"--node", "x", "--listen", "tcp://127.0.0.1:0"}, "TLS"},
		"vsock":           {[]string{"--node", "x", "--listen", "vsock://3:1024"}, "unix:///path"},
	} {
		var out strings.Builder
		if code := Main(t.Context(), process.System{Args: c.args, Out: &out, Err: &out}); code != process.ExitUsage || !strings.Contains(out.String(), c.word) {
			t.Errorf("%s: code %d, %s", name, code, &out)
		}
	}
	var out strings.Builder
	if code := Main(t.Context(), process.System{Args: []string{"--version"}, Out: &out, Err: &out}); code != 0 || !strings.HasPrefix(out.String(), "hcsroute-agent ") {
		t.Errorf("version: code %d, %s", code, &out)
	}
}

func TestFolderInUse(t *testing.T) {
	addNIC(t)
	p := start(t, t.TempDir())
	second := exec.Command("/proc/self/exe", "--node", node, "--state-dir", filepath.Join(p.dir, "state"), "--listen", "unix://"+filepath.Join(p.dir, "run", "b.sock"))
	second.Env = append(os.Environ(), daemonEnv+"=1")
	out, err := second.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != process.ExitError || !strings.Contains(string(out), "another process uses it") {
		t.Fatalf("%v\n%s", err, out)
	}
}
