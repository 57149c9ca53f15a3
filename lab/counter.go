//go:build linux

package lab

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Unroutable returns how many packets the namespace refused because it has no
// route for them. On the internet side these are the private destinations that
// went out by the wrong port.
func (n *NS) Unroutable() (uint64, error) {
	var netstat, snmp6 []byte
	err := n.Do(func() (err error) {
		if netstat, err = os.ReadFile("/proc/thread-self/net/netstat"); err != nil {
			return err
		}
		snmp6, err = os.ReadFile("/proc/thread-self/net/snmp6")
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("lab: counters of %s: %w", n.name, err)
	}
	v4, err := columnCounter(string(netstat), "IpExt:", "InNoRoutes")
	if err != nil {
		return 0, err
	}
	v6, err := lineCounter(string(snmp6), "Ip6InNoRoutes")
	return v4 + v6, err
}

// columnCounter reads the format of netstat: a line of names, a line of values.
func columnCounter(text, group, name string) (uint64, error) {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != group {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		if i := slices.Index(names, name); i >= 0 && i < len(fields) {
			return strconv.ParseUint(fields[i], 10, 64)
		}
	}
	return 0, fmt.Errorf("lab: the kernel has no counter %s %s", group, name)
}

// lineCounter reads the format of snmp6: a name and a value on each line.
func lineCounter(text, name string) (uint64, error) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
			return strconv.ParseUint(fields[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("lab: the kernel has no counter %s", name)
}
