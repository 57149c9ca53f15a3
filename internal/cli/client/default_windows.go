package client

import (
	"os"
	"path/filepath"
)

// DefaultAddress is where the service listens unless configured otherwise.
func DefaultAddress() string {
	return "unix:///" + filepath.ToSlash(filepath.Join(os.Getenv("ProgramData"), "hcsroute", "hcsroute.sock"))
}
