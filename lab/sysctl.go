//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// sysctl is a setting of the namespace of the calling thread.
type sysctl struct {
	key, value string
	// optional is set where kernels without the feature lack the file.
	optional bool
}

// baseSysctls are set in every namespace before it has links, which take the
// values of "default". IPv4 ones are set even to the kernel's defaults: new
// namespaces inherit them from the system.
func baseSysctls() []sysctl {
	list := []sysctl{
		{key: "net/ipv4/ip_forward", value: "0"},
		// Not icmp_ratelimit: with 0 the kernel empties the bucket that it also
		// asks before it says "unreachable", if the clock ticks in between.
		{key: "net/ipv4/icmp_ratemask", value: "0"},
		{key: "net/ipv4/ping_group_range", value: "0 0", optional: true},
		{key: "net/ipv6/icmp/ratelimit", value: "0", optional: true},
		{key: "net/bridge/bridge-nf-call-iptables", value: "0", optional: true},
		{key: "net/bridge/bridge-nf-call-ip6tables", value: "0", optional: true},
		{key: "net/bridge/bridge-nf-call-arptables", value: "0", optional: true},
	}
	for _, conf := range []string{"all", "default"} {
		list = append(list,
			sysctl{key: "net/ipv4/conf/" + conf + "/rp_filter", value: "0"},
			sysctl{key: "net/ipv4/conf/" + conf + "/send_redirects", value: "0"},
			sysctl{key: "net/ipv6/conf/" + conf + "/disable_ipv6", value: "0"},
			// Addresses are usable at once, and stay when a link goes down.
			sysctl{key: "net/ipv6/conf/" + conf + "/accept_dad", value: "0"},
			sysctl{key: "net/ipv6/conf/" + conf + "/keep_addr_on_down", value: "1"},
			sysctl{key: "net/ipv6/conf/" + conf + "/accept_ra", value: "0"},
			sysctl{key: "net/ipv6/conf/" + conf + "/router_solicitations", value: "0"},
		)
	}
	return list
}

func forwardingSysctls() []sysctl {
	return []sysctl{
		{key: "net/ipv4/ip_forward", value: "1"},
		{key: "net/ipv6/conf/all/forwarding", value: "1"},
	}
}

func writeSysctls(list []sysctl) error {
	for _, s := range list {
		err := os.WriteFile(filepath.Join("/proc/sys", s.key), []byte(s.value), 0)
		if errors.Is(err, fs.ErrNotExist) && s.optional {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set sysctl %s: %w; the lab needs a kernel with IPv4 and IPv6", s.key, err)
		}
		if err != nil {
			return fmt.Errorf("set sysctl %s to %q: %w; /proc/sys must be writable, which containers often forbid", s.key, s.value, err)
		}
	}
	return nil
}
