//go:build !linux

package boltstore

import (
	"os"
	"path/filepath"
)

// asOwner calls fn to make files in the store's folder.
func asOwner(path string, fn func() error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return fn()
}

// like has nothing to do here: files take the rights of their folder.
func like(string, os.FileInfo) error { return nil }
