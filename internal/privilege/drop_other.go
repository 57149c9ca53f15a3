//go:build !linux

package privilege

// Drop does nothing: only Linux has the capabilities to give up.
func Drop(Plan) error { return nil }
