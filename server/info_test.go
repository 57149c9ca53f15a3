package server_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
)

// fullStore says that the disk is full.
type fullStore struct{ store.Store }

func (s fullStore) Info() store.Info {
	info := s.Store.Info()
	info.Err = &routes.Error{Reason: routes.DiskFull, Problem: "no space left on /var"}
	return info
}

// TestInfoTellsWhatToDoAboutTheStore: a full disk needs no restart.
func TestInfoTellsWhatToDoAboutTheStore(t *testing.T) {
	r := start(t, rigOptions{wrap: func(s store.Store) store.Store { return fullStore{s} }})
	info, err := r.maint.GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
	must(t, err)
	if e := info.GetStoreError(); info.GetWritable() || e.GetReason() != string(routes.DiskFull) || e.GetRemedy() != "Free space on the device; writes resume by themselves." {
		t.Errorf("%v", info)
	}
	sound := start(t, rigOptions{})
	info, err = sound.maint.GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
	must(t, err)
	if info.GetStoreError() != nil || !info.GetWritable() || info.GetCertificates() != nil {
		t.Errorf("%v", info)
	}
}

// TestCertificatesAreTold: the service's own, and those of the agents.
func TestCertificatesAreTold(t *testing.T) {
	dir := t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: "host"}))
	f := files(t, dir, "host", dir)
	r := start(t, rigOptions{Options: server.Options{Certificates: func() []certs.Certificate { return f.List("agents.tls", time.Now()) }}})
	info, err := r.maint.GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
	must(t, err)
	list := info.GetCertificates()
	if len(list) != 2 || list[0].GetUse() != "agents.tls.cert" || list[0].GetFile() != filepath.Join(dir, "host.crt") || list[0].GetSubject() != "CN=host" || !list[0].GetInUse() || !list[0].GetNotAfter().AsTime().After(time.Now()) {
		t.Errorf("%v", list)
	}
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	r.fleet.nodes[0].Certificate = &x509.Certificate{SerialNumber: big.NewInt(0xabc), Subject: pkix.Name{CommonName: "k8s-master"}, NotAfter: end}
	r.fleet.nodes[0].Problem, r.fleet.nodes[0].Remedy = "its agent is old", "Install the new one."
	nodes, err := r.inv.ListNodes(t.Context(), &pb.ListNodesRequest{})
	must(t, err)
	n := nodes.GetNodes()[0]
	if c := n.GetCertificate(); c.GetUse() != "agent" || c.GetSerial() != "abc" || c.GetSubject() != "CN=k8s-master" || !c.GetNotAfter().AsTime().Equal(end) || c.GetProblem() == "" || n.GetRemedy() != "Install the new one." {
		t.Errorf("%v", n)
	}
}
