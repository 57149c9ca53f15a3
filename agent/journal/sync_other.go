//go:build !linux

package journal

import "os"

func syncData(f *os.File) error { return f.Sync() }

// syncDir does nothing: other systems have no fsync for folders.
func syncDir(string) error { return nil }

func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
