package server_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
)

// few connections, so that a crowd is small; and no time limit that would save us.
func few() server.Options {
	return server.Options{Limits: server.Limits{Connections: 8, Handshake: 2 * time.Minute}}
}

// patient bounds a call that should not be kept out.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestStrangersKeepNoCallerOut: connections that prove nothing take no place
// from those who do.
func TestStrangersKeepNoCallerOut(t *testing.T) {
	dir := pki(t)
	remote, err := server.ListenTCP(t.Context(), server.RemoteOptions{Address: "127.0.0.1:0", TLS: files(t, dir, "server", dir).ServerConfig()})
	must(t, err)
	start(t, rigOptions{Options: few(), listeners: []*server.Listener{remote}})
	for range 300 {
		c, err := net.Dial("tcp", remote.Addr().String())
		must(t, err)
		t.Cleanup(func() { c.Close() })
	}
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "reader"}))
	config, err := files(t, dir, "ann", dir).ClientConfig("127.0.0.1")
	must(t, err)
	_, err = pb.NewRouteServiceClient(dialRemote(t, remote.Addr().String(), config)).ListRoutes(patient(t), &pb.ListRoutesRequest{}, grpc.WaitForReady(true))
	must(t, err)
}

// TestOneUserKeepsNobodyElseOut: each user of the device has a share of the
// connections, and root gets in whatever the others do.
func TestOneUserKeepsNobodyElseOut(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can connect as another uid")
	}
	users := []uint32{1001, 1002, 1003, 1004}
	r := start(t, rigOptions{Options: few(), local: server.LocalOptions{Roles: server.LocalRoles{Readers: server.Callers{UIDs: users}}}})
	r.reachable(t)
	list := func(uid uint32) error {
		_, err := r.dialAs(t, int(uid), 7).ListRoutes(patient(t), &pb.ListRoutesRequest{})
		return err
	}
	for _, uid := range users {
		must(t, list(uid))
		must(t, list(uid))
		if err := list(uid); reason(err) != routes.Unavailable || !strings.Contains(publicapi.FromStatus(err).Error(), "has 2 connections already") {
			t.Errorf("the third connection of %d: %v", uid, err)
		}
	}
	must(t, list(0)) // all eight places are taken
	audit, err := pb.NewAuditServiceClient(r.connAs(t, 0, 7)).ListAuditRecords(patient(t), &pb.ListAuditRecordsRequest{})
	must(t, err)
	if len(audit.Records) != 0 {
		t.Errorf("a full house is no refusal of rights: %v", audit.Records)
	}
}
