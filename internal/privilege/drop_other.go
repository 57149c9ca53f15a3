//go:build !linux

package privilege

// Drop does nothing: only Linux has the capabilities to give up.
func Drop(Plan) error { return nil }

// Missing is no capability: none is needed.
func Missing(uint64) bool { return false }
