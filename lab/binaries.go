//go:build linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
)

// BinVar is the environment variable that names the folder of the programs.
const BinVar = "HCSROUTE_BIN"

// Binaries are the paths of the programs that a lab runs.
type Binaries struct {
	Service, CLI, Agent string
}

// FindBinaries looks for the programs in dir; if that is empty, in the folder
// of HCSROUTE_BIN; if that is not set, next to the running program.
func FindBinaries(dir string) (Binaries, error) {
	origin := "given"
	if dir == "" {
		dir, origin = os.Getenv(BinVar), "from "+BinVar
	}
	if dir == "" {
		own, err := os.Executable()
		if err != nil {
			return Binaries{}, fmt.Errorf("lab: where this program is: %w; set %s to the folder of the programs", err, BinVar)
		}
		dir, origin = filepath.Dir(own), "of this program"
	}
	// A process may start elsewhere.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Binaries{}, fmt.Errorf("lab: %w", err)
	}
	b := Binaries{Service: filepath.Join(dir, "hcsrouted"), CLI: filepath.Join(dir, "hcsroute"), Agent: filepath.Join(dir, "hcsroute-agent")}
	for _, path := range []string{b.Service, b.CLI, b.Agent} {
		info, err := os.Stat(path)
		if err == nil && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0) {
			err = fmt.Errorf("%s is not an executable file", path)
		}
		if err != nil {
			return Binaries{}, fmt.Errorf("lab: folder %s (%s): %w; build the programs into it, or set %s to the folder that has them", dir, origin, err, BinVar)
		}
	}
	return b, nil
}
