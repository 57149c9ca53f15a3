package listen_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/listen"
)

// TestStrangersDoNotFillTheLog, and what was left out is counted. A certificate that
// is refused is a warning; what may be anybody's probe is none.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		log := listen.NewRefusalLog(slog.New(slog.NewTextHandler(&text, nil)))
		peer := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}
		lines := func() []string {
			defer text.Reset()
			return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		}
		for range 1000 {
			log.Refused(peer, errors.New("EOF"))
		}
		if got := lines(); len(got) != 10 || !strings.Contains(got[9], "level=INFO") || !strings.Contains(got[9], "peer=192.0.2.1:7") {
			t.Errorf("%d lines, the last %s", len(got), got[len(got)-1])
		}
		time.Sleep(10 * time.Second)
		link := certs.AgentLink()
		for range 2 {
			log.Refused(peer, &certs.Refusal{By: link.Server, Of: link.Client, Why: "a reason"})
		}
		got := lines()
		if len(got) != 1 || !strings.Contains(got[0], "level=WARN") || !strings.Contains(got[0], `error="the agent refuses the certificate of the service: a reason"`) || !strings.Contains(got[0], "not_logged_before=990") {
			t.Errorf("%q", got)
		}
	})
}
