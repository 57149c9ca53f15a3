package cli_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/cli"
	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
)

// stuck is a store whose routes are not read before it is released.
type stuck struct {
	store.Store
	released <-chan struct{}
}

func (s stuck) Snapshot(ctx context.Context, tombstones bool, take func(routes.Record) error) (routes.Version, error) {
	<-s.released
	return s.Store.Snapshot(ctx, tombstones, take)
}

// TestDoctorOfAServiceThatHangs: whoever runs doctor is not sent to doctor, and
// what was not heard is not called ok.
func TestDoctorOfAServiceThatHangs(t *testing.T) {
	for name, hang := range map[string]func(*server.Options, <-chan struct{}){
		"service": func(o *server.Options, released <-chan struct{}) {
			o.Certificates = func() []certs.Certificate { <-released; return nil }
		},
		"routes": func(o *server.Options, released <-chan struct{}) { o.Store = stuck{o.Store, released} },
	} {
		t.Run(name, func(t *testing.T) {
			released := make(chan struct{})
			s := clitest.Start(t, clitest.Options{Server: func(o *server.Options) { hang(o, released) }})
			t.Cleanup(func() { close(released) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var out, errs bytes.Buffer
			streams := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(k string) string { return map[string]string{"HCSROUTE_ADDRESS": s.Address}[k] }}
			code := cli.Main(ctx, streams, []string{"doctor"})
			page := out.String()
			_, hint, found := strings.Cut(page, "FAIL  "+name+": ")
			if code != int(routes.ExitUnavailable) || !found || !strings.Contains(hint, "journalctl -u hcsrouted") || strings.Contains(page, "hcsroute doctor") {
				t.Errorf("code %d, %s:\n%s", code, errs.String(), page)
			}
			if strings.Contains(page, "FAIL  nodes: ") && strings.Contains(page, "certificates: none") {
				t.Errorf("it knows no certificate of the agents that it did not hear of:\n%s", page)
			}
		})
	}
}
