package boltstore

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// uptime returns which boot of the device this is, and how long ago it was.
func uptime() func() (boot string, up time.Duration) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return processUptime()
	}
	boot := strings.TrimSpace(string(id))
	return func() (string, time.Duration) {
		var t unix.Timespec
		if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
			return boot, 0 // nothing has elapsed, as far as is known
		}
		return boot, time.Duration(t.Nano())
	}
}
