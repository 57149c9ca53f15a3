package agentd

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/routes"
)

// TestASessionEndsWithTheHostsCertificate: the agent itself ends it, whatever the
// host does, and says why. The routes stay, and another certificate gets in.
func TestASessionEndsWithTheHostsCertificate(t *testing.T) {
	addNIC(t)
	dir := t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: node}))
	file := func(name string) string { return filepath.Join(dir, name) }
	address := freePort(t)
	start(t, dir, "--listen", "tcp://"+address, "--tls-cert", file(node+".crt"), "--tls-key", file(node+".key"), "--tls-ca", file("ca.crt"))
	h := agenttest.NewHost("store-1", "Port3", mac)
	h.Change([]routes.Route{route(t, 1)})
	open := func(name string, validity time.Duration) *agenttest.Session {
		t.Helper()
		must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: name, Validity: validity}))
		return agenttest.Open(t, dialTLS(t, dir, address, name), h.Hello(node))
	}
	s := open("short", 15*time.Second)
	s.SendSet(t, h)
	s.Carried(t, h)
	if err := s.Ended(t); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), `the certificate of "short" has expired`) {
		t.Errorf("the session's end: %v", err)
	}
	if got := kernelRoutes(t); len(got) != 1 {
		t.Errorf("the kernel has %v, want the one route", got)
	}
	open("renewed", time.Hour).Carried(t, h)
}
