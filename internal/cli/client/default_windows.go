package client

import (
	"os"
	"path/filepath"
)

// DefaultAddress is where the service listens unless told otherwise.
func DefaultAddress() string {
	return "unix:///" + filepath.ToSlash(filepath.Join(os.Getenv("ProgramData"), "hcsroute", "hcsroute.sock"))
}
