package server_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
)

// connectAs connects with another uid and supplementary group: the kernel
// takes the peer's credentials from the thread that connects. The thread is
// never given back.
func connectAs(path string, uid, group int) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		groups := [1]uint32{uint32(group)}
		for _, call := range [][4]uintptr{
			{unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&groups)), 0},
			{unix.SYS_SETRESGID, uintptr(uid), uintptr(uid), uintptr(uid)},
			{unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
		} {
			if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				done <- result{err: errno}
				return
			}
		}
		conn, err := net.Dial("unix", path)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

func (r *rig) dialAs(t *testing.T, uid, group int) pb.RouteServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///peer", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return connectAs(r.path, uid, group) }))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return pb.NewRouteServiceClient(conn)
}

func TestPeerCredentialsDecide(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to connect as another uid")
	}
	r := start(t, rigOptions{local: server.LocalOptions{UIDs: []uint32{12345}, GIDs: []uint32{54321}}})
	// Test folders are private; this one has to let others reach the socket.
	for dir := filepath.Dir(r.path); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755))
	}
	list := func(uid, group int) error {
		_, err := r.dialAs(t, uid, group).ListRoutes(t.Context(), &pb.ListRoutesRequest{})
		return err
	}
	for name, tc := range map[string]struct {
		uid, group int
		want       routes.Reason
	}{
		"named uid":           {12345, 7, ""},
		"supplementary group": {777, 54321, ""},
		"another uid":         {777, 7, routes.PermissionDenied},
	} {
		if err := list(tc.uid, tc.group); reason(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Refusals are in the audit, but not without end.
	for range 20 {
		if err := list(777, 7); reason(err) != routes.PermissionDenied {
			t.Fatalf("another uid: %v", err)
		}
	}
	audit, err := r.audit.ListAuditRecords(t.Context(), &pb.ListAuditRecordsRequest{})
	must(t, err)
	if n := len(audit.Records); n < 10 || n > 11 {
		t.Errorf("%d refusals are in the audit", n)
	}
	if rec := audit.Records[0]; rec.Actor != "uid:777" || !strings.Contains(rec.Origin, "local pid") {
		t.Errorf("audit %v", rec)
	}
	// A refused caller does not keep its connection.
	c, err := connectAs(r.path, 777, 7)
	must(t, err)
	defer c.Close()
	_, err = c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
	must(t, err)
	closed(t, c, 10*time.Second)
}
