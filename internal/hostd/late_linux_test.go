package hostd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/cli"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

const (
	// lateEnv makes TestLateAddressChild run.
	lateEnv     = "HCSROUTE_TEST_LATE"
	lateAddress = "10.199.0.1"
)

// TestLateAddressChild is a boot: the device gets the address of the remote
// listener after the service has started. It has a network namespace of its own.
func TestLateAddressChild(t *testing.T) {
	if os.Getenv(lateEnv) == "" {
		t.Skip("only as a child of TestLateAddress")
	}
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(lo)) // a namespace without any address takes every one for its own
	dir := t.TempDir()
	pki := filepath.Join(dir, "pki")
	must(t, certs.Init(certs.CAOptions{Dir: pki}))
	must(t, certs.Issue(certs.LeafOptions{Dir: pki, Kind: certs.Service, Name: "server", SANs: []string{lateAddress}}))
	must(t, certs.Issue(certs.LeafOptions{Dir: pki, Kind: certs.Client, Name: "ann", Role: "reader"}))
	socket, file := filepath.Join(dir, "run", "s.sock"), filepath.Join(dir, "hcsrouted.yaml")
	must(t, os.WriteFile(filepath.Join(dir, "inventory.yaml"), []byte(inventory), 0o600))
	must(t, os.WriteFile(file, []byte("store: {path: h.db}\nlisten:\n  local: {address: 'unix://"+socket+"'}\n"+
		"  remote: {address: 'tcp://"+lateAddress+":9443', cert: pki/server.crt, key: pki/server.key, ca: pki/ca.crt}\n"+
		"inventory: {provider: none, file: inventory.yaml}\n"), 0o600))
	var log logFile
	begin := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := execute(ctx, &log, "--config", file)
			ended <- err
		}()
		stop = sync.OnceFunc(func() { cancel(); must(t, <-ended) })
		t.Cleanup(stop)
		return stop
	}
	stop := begin()
	if text := log.await(t, "msg=ready"); !strings.Contains(text, "not listening for remote callers yet") || !strings.Contains(text, "cannot assign requested address") {
		t.Errorf("the log does not say what is awaited:\n%s", text)
	}
	problem := func(conn *grpc.ClientConn) string {
		t.Helper()
		limit, done := context.WithTimeout(t.Context(), time.Minute)
		defer done()
		info, err := pb.NewMaintenanceServiceClient(conn).GetServiceInfo(limit, &pb.GetServiceInfoRequest{}, grpc.WaitForReady(true))
		must(t, err)
		return info.GetListenProblem()
	}
	local, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer local.Close()
	if p := problem(local); !strings.Contains(p, lateAddress) || !strings.Contains(p, "cannot assign") {
		t.Errorf("while the address is missing: %q", p)
	}
	var out bytes.Buffer
	cli.Main(t.Context(), cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out, Getenv: os.Getenv}, []string{"doctor", "--address", "unix://" + socket})
	if !strings.Contains(out.String(), "warn  remote callers: listen for remote callers: listen tcp "+lateAddress) {
		t.Errorf("doctor says:\n%s", out.String())
	}
	metric := uint32(100)
	if _, err := pb.NewRouteServiceClient(local).AddRoute(t.Context(), &pb.AddRouteRequest{
		Route: &pb.Route{Interface: "Port3", Destination: "192.168.21.0/24", NextHop: "192.168.20.1", Metric: &metric},
	}); err != nil {
		t.Errorf("a change by the local socket meanwhile: %v", err)
	}

	addr, err := netlink.ParseAddr(lateAddress + "/32")
	must(t, err)
	must(t, netlink.AddrAdd(lo, addr))
	files, err := certs.Load(filepath.Join(pki, "ann.crt"), filepath.Join(pki, "ann.key"), filepath.Join(pki, "ca.crt"))
	must(t, err)
	config, err := files.ClientConfig(lateAddress)
	must(t, err)
	remote, err := grpc.NewClient(lateAddress+":9443", grpc.WithTransportCredentials(credentials.NewTLS(config)))
	must(t, err)
	defer remote.Close()
	if p := problem(remote); p != "" {
		t.Errorf("on the address that came: %q", p)
	}
	stop()

	// It also ends while it waits, and without an error.
	must(t, netlink.AddrDel(lo, addr))
	stop = begin()
	log.await(t, "msg=ready")
	stop()
	t.Log("late address: proved")
}

// TestLateAddress: the address of the remote listener may come later than the
// service; the local socket and the nodes do not wait for it.
func TestLateAddress(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestLateAddressChild$", "-test.v")
	cmd.Env = append(os.Environ(), lateEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("this system forbids user namespaces:", err)
	}
	if err != nil || !strings.Contains(string(out), "late address: proved") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestAnAddressThatCanNeverBe ends the service.
func TestAnAddressThatCanNeverBe(t *testing.T) {
	config, _ := device(t)
	pki := t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: pki}))
	must(t, certs.Issue(certs.LeafOptions{Dir: pki, Kind: certs.Service, Name: "server", SANs: []string{"127.0.0.1"}}))
	_, err := execute(t.Context(), &logFile{}, "--config", config, "--listen-remote-address", "tcp://127.0.0.1:99999",
		"--listen-remote-cert", filepath.Join(pki, "server.crt"), "--listen-remote-key", filepath.Join(pki, "server.key"), "--listen-remote-ca", filepath.Join(pki, "ca.crt"))
	if err == nil || !strings.Contains(err.Error(), "99999") {
		t.Errorf("%v", err)
	}
}
