//go:build !windows

package client

// DefaultAddress is where the service listens unless configured otherwise.
func DefaultAddress() string { return "unix:///run/hcsroute/hcsroute.sock" }
