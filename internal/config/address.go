package config

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// Address is where something listens: unix:///path or tcp://host:port.
type Address struct {
	Network string // unix or tcp
	Host    string // the path for unix, host:port for tcp
}

// String is the address as a configuration writes it.
func (a Address) String() string {
	if a.Network == "" {
		return ""
	}
	return a.Network + "://" + a.Host
}

// ParseAddress reads unix:///path and tcp://host:port; the host may be empty
// for every address, the port 0 for a free one.
func ParseAddress(s string) (Address, error) {
	bad := func(problem string) (Address, error) {
		return Address{}, &Error{Value: s, Problem: problem}
	}
	network, rest, ok := strings.Cut(s, "://")
	if !ok {
		return bad("want unix:///path or tcp://host:port")
	}
	switch network {
	case "unix":
		if !filepath.IsAbs(rest) {
			return bad("the path of a unix socket is absolute: unix:///run/...")
		}
		// sun_path has 108 bytes, with the final NUL (unix(7)).
		if len(rest) > 107 {
			return bad("the path of a unix socket has at most 107 bytes")
		}
		return Address{Network: "unix", Host: filepath.Clean(rest)}, nil
	case "tcp":
		_, port, err := net.SplitHostPort(rest)
		if err != nil {
			return bad("want tcp://host:port")
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return bad("the port is a number from 0 to 65535")
		}
		return Address{Network: "tcp", Host: rest}, nil
	}
	return bad("want unix:///path or tcp://host:port")
}

// UnmarshalText reads an address.
func (a *Address) UnmarshalText(text []byte) error {
	parsed, err := ParseAddress(string(text))
	if err != nil {
		return asProblem(err)
	}
	*a = parsed
	return nil
}
