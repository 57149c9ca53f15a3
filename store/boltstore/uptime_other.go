//go:build !linux

package boltstore

import "time"

// uptime counts within this process only: what elapsed between two of them
// cannot be known here.
func uptime() func() (boot string, up time.Duration) { return processUptime() }
