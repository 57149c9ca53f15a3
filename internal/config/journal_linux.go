package config

import (
	"fmt"
	"os"
	"syscall"
)

// fileID is a file's device and inode, as systemd writes them in JOURNAL_STREAM.
func fileID(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
