package fleet_test

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/hostvm/fleet/dial"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/routes"
)

func TestDefaultKeepaliveFindsHalfOpenIn40Seconds(t *testing.T) {
	d := fleet.DefaultTiming()
	if d.KeepaliveTime != 30*time.Second || d.KeepaliveTimeout != 10*time.Second {
		t.Errorf("keepalive %s + %s, want 30 s + 10 s", d.KeepaliveTime, d.KeepaliveTimeout)
	}
}

// otherNamespace makes a namespace, moves a link into it, gives it the
// address, and listens there.
func otherNamespace(t *testing.T, link, address, listen string) (net.Listener, error) {
	type result struct {
		l   net.Listener
		err error
	}
	moved, made, out := make(chan struct{}), make(chan int, 1), make(chan result, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		fail := func(err error) { out <- result{err: err} }
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			close(made)
			fail(err)
			return
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			close(made)
			fail(err)
			return
		}
		made <- fd
		<-moved
		h, err := netlink.NewHandle()
		if err != nil {
			fail(err)
			return
		}
		defer h.Close()
		l, err := h.LinkByName(link)
		if err == nil {
			err = h.LinkSetUp(l)
		}
		if err == nil {
			var a *netlink.Addr
			if a, err = netlink.ParseAddr(address); err == nil {
				err = h.AddrAdd(l, a)
			}
		}
		if err != nil {
			fail(err)
			return
		}
		listener, err := net.Listen("tcp", listen)
		out <- result{listener, err}
	}()
	if fd, ok := <-made; ok {
		defer unix.Close(fd)
		l, err := netlink.LinkByName(link)
		if err == nil {
			err = netlink.LinkSetNsFd(l, fd)
		}
		if err != nil {
			t.Fatal(err)
		}
		close(moved)
	}
	r := <-out
	return r.l, r.err
}

// A node that vanishes without a word, here by its link, is found by the
// keepalive alone. gRPC pings after 10 s at least.
func TestHalfOpenConnectionIsFound(t *testing.T) {
	nstest.Require(t)
	if testing.Short() {
		t.Skip("takes 11 s")
	}
	veth := nstest.Veth{Name: "tohost", Peer: "tonode", MAC: "02:00:00:00:00:01", Addresses: []string{"10.0.10.1/24"}}
	veth.Add(t)
	listener, err := otherNamespace(t, "tonode", "10.0.10.11/24", "10.0.10.11:7444")
	if err != nil {
		t.Fatal(err)
	}
	ca := t.TempDir()
	for _, err := range []error{
		certs.Init(certs.CAOptions{Dir: ca}),
		certs.Issue(certs.LeafOptions{Dir: ca, Kind: certs.Agent, Name: "k8s-master"}),
		certs.Issue(certs.LeafOptions{Dir: ca, Kind: certs.Host, Name: "host"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	load := func(name string) *certs.Files {
		f, err := certs.Load(filepath.Join(ca, name+".crt"), filepath.Join(ca, name+".key"), filepath.Join(ca, "ca.crt"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a := newFakeAgent("k8s-master")
	stop := a.serve(tls.NewListener(listener, load("k8s-master").ServerConfig()))
	timing := quick()
	timing.KeepaliveTime, timing.KeepaliveTimeout, timing.RetryMax = 10*time.Second, time.Second, 20*time.Second
	r := newRig(t, timing)
	t.Cleanup(stop)
	r.dialer = dial.New(dial.Options{TLS: load("host").ClientConfig})
	r.stop()
	r.run(timing)
	wrong := nodeAt("k8s-worker", "tcp://10.0.10.11:7444")
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{wrong}})
	r.until("the wrong node is refused", func() bool {
		problem := r.node("k8s-worker").Problem
		return strings.Contains(problem, "it is for k8s-master, not for k8s-worker")
	})
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{nodeAt(a.id, "tcp://10.0.10.11:7444")}})
	r.until("session over TLS", r.connected(a.id))
	if w := r.wait(r.add(camera()), camera().Key()); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	r.until("programmed", func() bool { return r.status(camera()).State == routes.Programmed })
	link, err := netlink.LinkByName("tohost")
	if err == nil {
		err = netlink.LinkSetDown(link)
	}
	if err != nil {
		t.Fatal(err)
	}
	dropped, end := time.Now(), time.After(time.Minute)
	for r.node(a.id).Connected {
		_, _, _, changed := r.StatusChanges(1)
		if !r.node(a.id).Connected {
			break
		}
		select {
		case <-changed:
		case <-end:
			t.Fatal("the half-open connection was not found")
		}
	}
	if took := time.Since(dropped); took > 40*time.Second {
		t.Errorf("found after %s, want about 11 s", took)
	}
	if st := r.status(camera()); st.Cause != routes.AgentUnreachable {
		t.Errorf("%+v", st)
	}
	t.Log("problem:", r.node(a.id).Problem)
}
