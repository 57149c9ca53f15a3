//go:build !linux

package journal

import "os"

func syncData(f *os.File) error { return f.Sync() }

// syncDir does nothing: other systems have no fsync for folders.
func syncDir(string) error { return nil }

func lockFile(path string, flag int) (*os.File, error) {
	return os.OpenFile(path, flag, 0o600)
}
