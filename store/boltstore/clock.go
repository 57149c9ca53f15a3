package boltstore

import (
	"encoding/binary"
	"fmt"
	"time"
)

const (
	clockFormat = 1
	clockKey    = "clock"
	// A wall clock may differ by so much from what has elapsed before it counts
	// as a jump, and by a thousandth of that.
	clockSlack = 10 * time.Second
	// offSlack is how long a device may have been off without a word on it.
	offSlack = 30 * 24 * time.Hour
)

// clock is the store's own time, in nanoseconds: it starts with the wall clock
// and goes on only by what has really elapsed since, as far as that can be
// known. Whatever is kept for a time is kept by it, so that a clock that was
// set wrong drops nothing. The time while the device was off does not count.
type clock struct {
	own  int64
	wall int64  // at the last commit
	boot string // of the device, or of the process
	up   int64  // since that boot, at the last commit
}

func (c clock) sealed() []byte {
	b := []byte{clockFormat}
	for _, v := range []int64{c.own, c.wall, c.up} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return seal([]byte(clockKey), appendText(b, c.boot))
}

// openClock reads the clock, or starts one with the wall clock.
func openClock(sealed []byte, now moment) (clock, error) {
	if sealed == nil {
		at := now.wall.UnixNano()
		return clock{own: at, wall: at, boot: now.boot, up: int64(now.up)}, nil
	}
	b, err := unseal([]byte(clockKey), sealed)
	d := decoder{b: b, err: err}
	d.version(clockFormat)
	c := clock{own: int64(d.uint64()), wall: int64(d.uint64()), up: int64(d.uint64()), boot: d.text()}
	if err := d.end(); err != nil {
		return clock{}, damaged("clock: %v", err)
	}
	return c, nil
}

// advance is the clock of now, and how the wall clock has jumped, if it has.
func (c clock) advance(now moment) (next clock, jump string) {
	next = clock{own: c.own, wall: now.wall.UnixNano(), boot: now.boot, up: int64(now.up)}
	elapsed, limit := time.Duration(0), offSlack
	known := c.boot == now.boot && int64(now.up) >= c.up
	if known {
		elapsed = now.up - time.Duration(c.up)
		next.own += int64(elapsed)
		limit = clockSlack + elapsed/1000
	}
	off := now.wall.Sub(time.Unix(0, c.wall)) - elapsed
	if off <= limit && off >= -clockSlack-elapsed/1000 {
		return next, ""
	}
	jump = fmt.Sprintf("from %s to %s", time.Unix(0, c.wall).UTC().Format(time.RFC3339), now.wall.UTC().Format(time.RFC3339))
	if known {
		return next, jump + fmt.Sprintf(" while %s elapsed", elapsed.Round(time.Second))
	}
	return next, jump + " while the device or the service was off"
}

// processUptime counts from now on, for a process that knows of no boot.
func processUptime() func() (boot string, up time.Duration) {
	start := time.Now()
	boot := fmt.Sprintf("process started %s", start.Format(time.RFC3339Nano))
	return func() (string, time.Duration) { return boot, time.Since(start) }
}
