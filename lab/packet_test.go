//go:build linux

package lab

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func FuzzDecode(f *testing.F) {
	f.Add([]byte("aaaaaabbbbbb\x08\x00\x45"))
	f.Add(append([]byte("aaaaaabbbbbb\x86\xdd"), make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := decode(b)
		if ok != p.Src.IsValid() || ok != p.Dst.IsValid() {
			t.Errorf("%v %v", p, ok)
		}
	})
}

func FuzzEchoMatch(f *testing.F) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 2})
	f.Add(append([]byte{3, 0, 0, 0, 0, 0, 0, 0, 0x4f}, make([]byte, 60)...))
	f.Fuzz(func(_ *testing.T, b []byte) {
		e := echo{id: 1, seq: 2}
		e.match(b, v4)
		e.match(b, v6)
	})
}

func TestChecksum(t *testing.T) {
	for _, b := range [][]byte{echo{id: 7, seq: 9}.request(false), {8, 0, 0, 0, 1}} {
		sum := checksum(b)
		if len(b) > 8 && sum != 0 {
			t.Errorf("the checksum of a message with its checksum is %#x, want 0", sum)
		}
	}
}

func TestCounters(t *testing.T) {
	text := "TcpExt: A B\nTcpExt: 1 2\nIpExt: InNoRoutes InX\nIpExt: 5 6\n"
	if n, err := columnCounter(text, "IpExt:", "InNoRoutes"); n != 5 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := columnCounter(text, "IpExt:", "InY"); err == nil {
		t.Error("found a counter that is not there")
	}
	if _, err := lineCounter("A 1\nB 2\n", "C"); err == nil {
		t.Error("found a counter that is not there")
	}
}

func TestDiagnoseKeepsCause(t *testing.T) {
	err := diagnose([]error{&refusedError{mode: mode{name: "as user namespace"}, err: unix.EPERM}})
	var u *UnavailableError
	if !errors.As(err, &u) || !errors.Is(err, unix.EPERM) || u.Action == "" || !strings.Contains(err.Error(), "as user namespace") {
		t.Errorf("%v", err)
	}
}
