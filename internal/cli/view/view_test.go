package view

import (
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestInfoHasErrorAndCertificates: what the service says of its store and of its
// certificates is whole in JSON.
func TestInfoHasErrorAndCertificates(t *testing.T) {
	end := timestamppb.New(time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC))
	good := &pb.Certificate{Use: "agents.tls.cert", File: "/pki/host.crt", Subject: "CN=host", Serial: "abc", Issuer: "CN=CA", NotAfter: end, InUse: true}
	info := FromInfo(&pb.GetServiceInfoResponse{
		StoreError:   publicapi.Error(&routes.Error{Reason: routes.DiskFull, Problem: "no space left"}),
		Certificates: []*pb.Certificate{good, {Use: "agents.tls.cert", File: "/pki/host.crt", Problem: "no key"}},
	})
	if e := info.StoreError; e == nil || e.Reason != "DISK_FULL" || e.Exit != 10 || e.Remedy == "" {
		t.Errorf("%+v", e)
	}
	const want = `[{"use":"agents.tls.cert","file":"/pki/host.crt","subject":"CN=host","serial":"abc","issuer":"CN=CA","not_after":"2027-01-02T03:04:05.000Z","in_use":true},` +
		`{"use":"agents.tls.cert","file":"/pki/host.crt","in_use":false,"problem":"no key"}]`
	if got := text(t, info.Certificates); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if sound := FromInfo(&pb.GetServiceInfoResponse{}); sound.StoreError != nil || sound.Certificates != nil {
		t.Errorf("%+v", sound)
	}
	nodes := FromNodes([]*pb.Node{{Name: "k8s-master", Remedy: "Look.", Certificate: good}, {Name: "k8s-worker"}})
	if nodes[0].Remedy != "Look." || nodes[0].Certificate == nil || nodes[0].Certificate.Serial != "abc" || nodes[1].Certificate != nil {
		t.Errorf("%s", text(t, nodes))
	}
}
