package linux

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// snapshot turns the listing into ports. A link is known by the name that looks
// like a port's: its own, else its alias (ifalias), else an alternative name.
func (v *listing) snapshot(files leases) *hostvm.Snapshot {
	snap := &hostvm.Snapshot{}
	chosen, problems := v.choose()
	snap.PortProblems = problems
	for _, l := range v.links {
		attrs := l.Attrs()
		p := v.port(l, files)
		if alias, ok := chosen[attrs.Index]; ok {
			p.Alias, p.Role = alias, routes.PortRoleData
		}
		for _, name := range append([]string{attrs.Name, attrs.Alias}, attrs.AltNames...) {
			if name != "" && name != p.Alias && !taken(chosen, name) && !slices.Contains(p.AltNames, name) {
				p.AltNames = append(p.AltNames, name)
			}
		}
		snap.Ports = append(snap.Ports, p)
		if attrs.RawFlags&unix.IFF_LOOPBACK != 0 {
			continue
		}
		for _, a := range prefixesOf(v.addrs[attrs.Index]) {
			if !a.Addr().IsLinkLocalUnicast() {
				snap.Protected = append(snap.Protected, routes.ProtectAddr(routes.ProtectedHost, a.Addr(), attrs.Name))
			}
		}
	}
	slices.SortFunc(snap.Ports, func(a, b routes.Port) int { return strings.Compare(a.Alias, b.Alias) })
	return snap
}

// taken reports whether a port has the name: its owner wins over those that
// bear it as a lesser name.
func taken(chosen map[int]string, name string) bool {
	for _, alias := range chosen {
		if routes.FoldAlias(alias) == routes.FoldAlias(name) {
			return true
		}
	}
	return false
}

// isPort reports whether a folded name is that of a port: Port and a number. All
// other links are the host's own, unless the inventory file declares them.
func isPort(folded string) bool {
	number, ok := strings.CutPrefix(folded, "port")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

// choose finds the links that are ports, and their aliases. A class of names
// is looked at only where the one before has nothing; two links with the same
// name in one class make it unusable.
func (v *listing) choose() (chosen map[int]string, problems map[string]string) {
	chosen = map[int]string{}
	owners := map[string]bool{} // folded aliases that earlier classes gave away
	for _, class := range []func(netlink.Link) []string{kernelName, ifalias, altNames} {
		bearers := map[string][]netlink.Link{}
		spelled := map[string]string{}
		for _, l := range v.links {
			if _, done := chosen[l.Attrs().Index]; done || !mayBePort(l) {
				continue
			}
			for _, name := range class(l) {
				if folded := routes.FoldAlias(name); isPort(folded) && !owners[folded] {
					bearers[folded], spelled[folded] = append(bearers[folded], l), name
				}
			}
		}
		for folded, links := range bearers {
			owners[folded] = true
			if len(links) > 1 {
				if problems == nil {
					problems = map[string]string{}
				}
				problems[folded] = ambiguous(spelled[folded], links)
				continue
			}
			chosen[links[0].Attrs().Index] = spelled[folded]
		}
	}
	return chosen, problems
}

func ambiguous(alias string, links []netlink.Link) string {
	var names []string
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	return fmt.Sprintf("the links %s are all called %s; leave the name to one of them", strings.Join(names, ", "), alias)
}

func kernelName(l netlink.Link) []string { return []string{l.Attrs().Name} }

func ifalias(l netlink.Link) []string { return []string{l.Attrs().Alias} }

func altNames(l netlink.Link) []string { return l.Attrs().AltNames }
