//go:build !linux

package hostd

import "io"

// DropPrivileges does nothing: only Linux has the capability to give up.
func DropPrivileges(_, _ []string, _ io.Writer) error { return nil }
