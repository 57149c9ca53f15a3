package agentd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/hcsroute/hcsroute/internal/certs"
)

// hostsStream is a stream of a host with a verified certificate.
type hostsStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc asks a stream for its context
}

func (s hostsStream) Context() context.Context { return s.ctx }

// TestASessionOfAHostEnds soon after the CA is another one, however long the
// host's certificate lasts, and at an age that no host lets it reach.
func TestASessionOfAHostEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		must(t, certs.Init(certs.CAOptions{Dir: dir}))
		must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: "appliance"}))
		file := func(name string) string { return filepath.Join(dir, name) }
		files, err := certs.Load(file("appliance.crt"), file("appliance.key"), file(certs.CACert))
		must(t, err)
		pair, err := tls.LoadX509KeyPair(file("appliance.crt"), file("appliance.key"))
		must(t, err)
		chains := [][]*x509.Certificate{{pair.Leaf}}
		ctx := peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{VerifiedChains: chains}}})
		begun := time.Now()
		err = serving{files: files}.hostStream(nil, hostsStream{ctx: ctx}, nil, func(_ any, s grpc.ServerStream) error {
			if end, ok := s.Context().Deadline(); !ok || end.Sub(begun) <= 24*time.Hour || end.Sub(begun) > 26*time.Hour {
				t.Errorf("it may last until %s (%v), begun %s", end, ok, begun)
			}
			time.Sleep(time.Minute)
			must(t, certs.Init(certs.CAOptions{Dir: dir, Force: true}))
			<-s.Context().Done()
			return context.Cause(s.Context())
		})
		if took := time.Since(begun); err == nil || !strings.Contains(err.Error(), "does not count any more") || took < time.Minute || took > 2*time.Minute {
			t.Errorf("ended after %s: %v", took, err)
		}
	})
}
