package agent

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unique"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/agent/table"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestFactsOfALinkAreBounded: kube-proxy gives one link the addresses of all
// services, and others route every pod by a route without a gateway. A host
// takes a node that reports all these for a liar.
func TestFactsOfALinkAreBounded(t *testing.T) {
	l := kernel.Link{Index: 9, Name: "kube-ipvs0", MAC: "02:00:00:00:00:09"}
	for i := range 5000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 96, byte(i >> 8), byte(i)}), 32)
		l.Addresses = append(l.Addresses, kernel.Address{Prefix: p})
		l.Connected = append(l.Connected, routes.ConnectedRoute{Prefix: p})
	}
	nics := toNICs([]kernel.Link{l}, desired.Ports{}, nil)
	if len(nics) != 1 || len(nics[0].Addresses) != agentapi.MaxNetworks || len(nics[0].Connected) != agentapi.MaxNetworks {
		t.Fatalf("%d NICs: %.300v", len(nics), nics)
	}
}

// TestNICsAreBounded: of a node with more links than a host takes, those of the
// ports are reported first, whichever index they have.
func TestNICsAreBounded(t *testing.T) {
	var links []kernel.Link
	link := func(i int) kernel.Link {
		return kernel.Link{
			Index: int32(i), Name: fmt.Sprint("pod", i), MAC: fmt.Sprintf("02:00:00:01:%02x:%02x", i>>8, i&255),
			Addresses: []kernel.Address{{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 96, byte(i >> 8), byte(i)}), 32)}},
		}
	}
	for i := range 2 * agentapi.MaxNICs {
		links = append(links, link(i+1))
	}
	last := links[len(links)-1]
	nics := toNICs(links, desired.Ports{List: []desired.Port{{Alias: "Port3", MAC: last.MAC}}}, nil)
	if len(nics) != agentapi.MaxNICs || nics[0].Link != last.Name {
		t.Errorf("%d NICs, the first is %v", len(nics), nics[0])
	}
}

// TestTextsAreBounded: many links may have one MAC, and many ports a problem.
func TestTextsAreBounded(t *testing.T) {
	long := strings.Repeat("경", 1<<20)
	a := &Agent{opts: Options{Problem: func() string { return long }}}
	e := exception{Handle: unique.Make(table.Exception{State: routes.Waiting, Detail: long})}
	for _, said := range []string{a.alarmed()[0].Text, onOneLine(a.alarmed()), toException(routes.Key{}, e).Detail} {
		if len(said) > agentapi.MaxText || len(said) < agentapi.MaxText-8 || !utf8.ValidString(said) {
			t.Errorf("a text of %d bytes, valid: %v", len(said), utf8.ValidString(said))
		}
	}
}

// TestReportsArePaced: an agent with news and more news, as under a flood of
// drift, does not send more than a host takes, and goes on when it may again.
func TestReportsArePaced(t *testing.T) {
	a, err := New(Options{Node: "n", StateDir: t.TempDir(), Kernel: kernelfake.New(157)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.journal.Close()
	s := newSession(&pb.HostHello{})
	a.current = s
	var host agentapi.Allowance
	sent := 0
	offer := func() bool {
		s.dirty, s.free, s.resync = true, true, true // something to report, also without a set
		a.flush()
		select {
		case r := <-s.out:
			sent++
			if !host.Spend(time.Now(), len(r.Exceptions)+len(r.Resolved), 0) {
				t.Fatalf("report %d is more than a host takes", sent)
			}
			return true
		default:
			return false
		}
	}
	for offer() {
	}
	if wait := a.untilDue(); wait > time.Second || !s.dirty {
		t.Errorf("what is not reported waits %s, kept: %v", wait, s.dirty)
	}
	for limit := time.Now().Add(time.Minute); !offer(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it never goes on")
		}
	}
}
