package nstest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// inside marks the process that runs in the new namespaces.
const inside = "HCSROUTE_NSTEST_INSIDE"

// Main is for TestMain: it runs the tests in a fresh network namespace (as
// root) or user and network namespace (else), with loopback up, and returns
// the exit code. Where the system forbids namespaces, tests that call Require
// are skipped with the reason.
func Main(m *testing.M) int {
	switch os.Getenv(inside) {
	case "yes":
		if err := loopbackUp(); err != nil {
			fmt.Fprintln(os.Stderr, "nstest: set loopback up:", err)
			return 1
		}
		return m.Run()
	case "":
	default:
		return m.Run()
	}
	cmd, err := start("yes")
	if err != nil {
		fmt.Fprintln(os.Stderr, "nstest: SKIPPED kernel tests: this system forbids network namespaces:", err)
		if err := os.Setenv(inside, "no: "+err.Error()); err != nil {
			fmt.Fprintln(os.Stderr, "nstest:", err)
			return 1
		}
		return m.Run()
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "nstest:", err)
		return 1
	}
	return 0
}

// Require skips the test, with the reason, where there is no namespace.
func Require(t testing.TB) {
	t.Helper()
	if state := os.Getenv(inside); state != "yes" {
		t.Skip("needs a network namespace;", state)
	}
}

func start(state string) (*exec.Cmd, error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"="+state)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return cmd, cmd.Start()
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// Veth is a pair of virtual Ethernet links, both up; the first has addresses.
type Veth struct {
	Name, Peer string
	MAC        string // of the first, in lower case with colons
	Addresses  []string
}

// Add makes the pair and returns the index of the first. The test's end removes it.
func (v Veth) Add(t testing.TB) int {
	t.Helper()
	Require(t)
	link, err := v.Create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Remove() })
	return link.Attrs().Index
}

// Create makes the pair as Add does, without a test.
func (v Veth) Create() (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = v.Name
	mac, err := net.ParseMAC(v.MAC)
	if err != nil {
		return nil, fmt.Errorf("veth %s: %w", v.Name, err)
	}
	attrs.HardwareAddr = mac
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: v.Peer}); err != nil {
		return nil, fmt.Errorf("add veth %s: %w", v.Name, err)
	}
	for _, name := range []string{v.Peer, v.Name} {
		link, err := netlink.LinkByName(name)
		if err == nil {
			err = netlink.LinkSetUp(link)
		}
		if err != nil {
			return nil, fmt.Errorf("set %s up: %w", name, err)
		}
	}
	if err := v.Assign(); err != nil {
		return nil, err
	}
	return netlink.LinkByName(v.Name)
}

// Assign gives the first link its addresses, those of IPv6 without duplicate
// address detection.
func (v Veth) Assign() error {
	link, err := netlink.LinkByName(v.Name)
	if err != nil {
		return fmt.Errorf("find %s: %w", v.Name, err)
	}
	for _, s := range v.Addresses {
		addr, err := netlink.ParseAddr(s)
		if err != nil {
			return fmt.Errorf("address %s: %w", s, err)
		}
		if addr.IP.To4() == nil {
			addr.Flags = syscall.IFA_F_NODAD
		}
		if err := netlink.AddrReplace(link, addr); err != nil {
			return fmt.Errorf("add %s to %s: %w", s, v.Name, err)
		}
	}
	return nil
}

// Remove deletes the pair; it does nothing where there is none.
func (v Veth) Remove() {
	if link, err := netlink.LinkByName(v.Name); err == nil {
		_ = netlink.LinkDel(link)
	}
}
