//go:build !linux

package boltstore

func children() map[string]func(string) error { return nil }
