// Command getpwsh fetches the pinned official release of PowerShell for the
// module's test suite, checks its SHA-256 and unpacks it into a folder.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// version is the pinned release.
const version = "7.6.3"

// timeout bounds the whole download, so that a machine without the network is
// not held up.
const timeout = 3 * time.Minute

// pinned are the SHA-256 sums of the release's archives by architecture.
func pinned() map[string]archive {
	return map[string]archive{
		"amd64": {"linux-x64", "856d0765d2332377f9d7a4aea76efdfde4de51446e7738dde2dfda41dba9e2a7"},
		"arm64": {"linux-arm64", "7a14a385eca7dc5bedc1c8aa3d8b765f449ada30aabe5785a9fd331266eb062d"},
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "getpwsh:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: getpwsh FOLDER")
	}
	a, ok := pinned()[runtime.GOARCH]
	if !ok || runtime.GOOS != "linux" {
		return fmt.Errorf("no release is pinned for %s/%s; install PowerShell 7 and set PWSH to its path", runtime.GOOS, runtime.GOARCH)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	dir := filepath.Join(args[0], "pwsh-"+version)
	if _, err := os.Stat(filepath.Join(dir, "pwsh")); err == nil {
		fmt.Println(filepath.Join(dir, "pwsh"))
		return nil
	}
	url := fmt.Sprintf("https://github.com/PowerShell/PowerShell/releases/download/v%s/powershell-%s-%s.tar.gz", version, version, a.platform)
	if err := fetch(ctx, url, a.sha256, dir); err != nil {
		return err
	}
	fmt.Println(filepath.Join(dir, "pwsh"))
	return nil
}
