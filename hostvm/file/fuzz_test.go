package file_test

import (
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm/file"
)

// FuzzParse feeds the inventory's reader arbitrary files. Whatever it takes
// has names and addresses that can be used; what it refuses has a line.
func FuzzParse(f *testing.F) {
	for _, text := range []string{good, "", "ports: []\n", "nodes: [{name: a, nics: [{mac: x}]}]\n", "a: &a [*a]\n", "ports: [{alias: Port1}, {alias: port1}]\n", "---\n---\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := file.Parse(data)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error that says nothing")
			}
			return
		}
		seen := map[string]bool{}
		for _, p := range d.Ports {
			if p.Alias == "" || seen[strings.ToLower(p.Alias)] {
				t.Fatalf("port %q", p.Alias)
			}
			seen[strings.ToLower(p.Alias)] = true
			for _, a := range p.Addresses {
				if !a.IsValid() {
					t.Fatalf("%s has an address that is none", p.Alias)
				}
			}
		}
		for _, n := range d.Nodes {
			if n.Name == "" || n.ID == "" || n.Role == "" || n.State == "" {
				t.Fatalf("node %+v", n)
			}
			for _, nic := range n.NICs {
				if len(nic.MAC) != len("02:00:00:00:00:01") || nic.Switch == "" {
					t.Fatalf("NIC %+v", nic)
				}
			}
		}
	})
}
