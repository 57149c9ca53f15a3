package linux

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
)

// leases looks for DHCP clients' lease files under a root. A lease counts only
// for an address that the link has: clients leave old files behind.
type leases struct{ root string }

// maxLease bounds how much of a lease file is read, in bytes.
const maxLease = 1 << 20

// has reports whether a client holds a lease of the address for the link:
// systemd-networkd, NetworkManager, dhclient or dhcpcd.
func (f leases) has(link *netlink.LinkAttrs, addr netip.Addr) bool {
	for _, pattern := range []string{
		fmt.Sprintf("run/systemd/netif/leases/%d", link.Index),
		"var/lib/NetworkManager/internal-*-" + link.Name + ".lease",
		"var/lib/NetworkManager/dhclient-*-" + link.Name + ".lease",
		"var/lib/dhcp/dhclient*" + link.Name + ".lease*",
		"var/lib/dhclient/dhclient*" + link.Name + ".lease*",
		"var/lib/dhcp/dhclient.leases",
		"var/lib/dhclient/dhclient.leases",
	} {
		paths, _ := filepath.Glob(filepath.Join(f.root, pattern)) // the pattern is well-formed
		for _, path := range paths {
			if textLease(path, link.Name, addr) {
				return true
			}
		}
	}
	paths, _ := filepath.Glob(filepath.Join(f.root, "var/lib/dhcpcd", link.Name+"*.lease"))
	for _, path := range paths {
		if packetLease(path, addr) {
			return true
		}
	}
	return false
}

// textLease looks for a lease of the address that has not ended:
// "ADDRESS=a" with "LIFETIME=seconds" since the file was written (networkd,
// NetworkManager), or a block with "interface", "fixed-address a" or
// "iaaddr a", and "expire" (dhclient).
func textLease(path, name string, addr netip.Addr) bool {
	content, written, err := readLease(path)
	if err != nil {
		return false
	}
	mine, match, ended := true, false, false
	for line := range strings.Lines(string(content)) {
		line = strings.TrimRight(strings.TrimSpace(line), "; {")
		key, value, pair := strings.Cut(line, "=")
		words := strings.Fields(line)
		switch {
		case pair && key == "ADDRESS":
			match = sameAddr(value, addr)
		case pair && key == "LIFETIME":
			seconds, err := strconv.ParseInt(value, 10, 64)
			ended = err == nil && time.Since(written) > time.Duration(seconds)*time.Second
		case line == "}":
			if mine && match && !ended {
				return true
			}
			mine, match, ended = true, false, false
		case len(words) < 2:
		case words[0] == "interface":
			mine = strings.Trim(words[1], `"`) == name
		case words[0] == "fixed-address" || words[0] == "iaaddr":
			match = match || sameAddr(words[1], addr)
		case words[0] == "expire" && len(words) == 4: // "expire 4 2026/11/19 10:00:00", UTC
			end, err := time.Parse("2006/01/02 15:04:05", words[2]+" "+words[3])
			ended = err == nil && time.Now().After(end)
		}
	}
	return mine && match && !ended
}

// packetLease reads dhcpcd's file: the DHCP message itself, with the leased
// address (yiaddr) at offset 16 (RFC 2131, section 2).
func packetLease(path string, addr netip.Addr) bool {
	content, _, err := readLease(path)
	if err != nil || len(content) < 20 || !addr.Is4() {
		return false
	}
	return netip.AddrFrom4([4]byte(content[16:20])) == addr
}

func sameAddr(s string, addr netip.Addr) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a == addr
}

func readLease(path string) (content []byte, written time.Time, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, written, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, written, err
	}
	content, err = io.ReadAll(io.LimitReader(file, maxLease))
	return content, info.ModTime(), err
}
