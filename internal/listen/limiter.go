package listen

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
)

// Limiter lets through a burst, then one in each interval.
type Limiter struct {
	Burst int
	Every time.Duration

	mu      sync.Mutex
	used    int
	last    time.Time
	skipped int
}

// Strangers is how often those whom nobody knows may fill a log or an audit.
func Strangers() *Limiter { return &Limiter{Burst: 10, Every: 10 * time.Second} }

// Take reports whether one more may pass, and how many did not since the last.
func (l *Limiter) Take(now time.Time) (ok bool, skipped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if back := int(now.Sub(l.last) / l.Every); back > 0 {
		l.used = max(0, l.used-back)
		l.last = now
	}
	if l.used >= l.Burst {
		l.skipped++
		return false, 0
	}
	l.used++
	skipped, l.skipped = l.skipped, 0
	return true, skipped
}

// RefusalLog logs why connections are refused, as often as strangers may.
type RefusalLog struct {
	log     *slog.Logger
	limiter *Limiter
}

// NewRefusalLog is for one listener.
func NewRefusalLog(log *slog.Logger) RefusalLog { return RefusalLog{log, Strangers()} }

// Refused logs that a peer gets no connection. A certificate that is refused needs
// the operator; other attempts may be anybody's, such as a probe's.
func (r RefusalLog) Refused(peer net.Addr, why error) {
	ok, skipped := r.limiter.Take(time.Now())
	if !ok {
		return
	}
	log := r.log.Info
	if errors.As(why, new(*certs.Refusal)) {
		log = r.log.Warn
	}
	log("connection refused", "peer", peer.String(), "error", why, "not_logged_before", skipped)
}
