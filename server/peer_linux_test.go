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
	return pb.NewRouteServiceClient(r.connAs(t, uid, group))
}

func (r *rig) connAs(t *testing.T, uid, group int) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///peer", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return connectAs(r.path, uid, group) }))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// reachable lets others get to the socket: test folders are private.
func (r *rig) reachable(t *testing.T) {
	t.Helper()
	for dir := filepath.Dir(r.path); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755))
	}
}

// TestLocalRoles: a user of the device has the role that the configuration
// gives the uid or one of its groups, the highest of them, and only root and
// the service's own user are admins by themselves.
func TestLocalRoles(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can connect as another uid")
	}
	const nobodys = 7
	r := start(t, rigOptions{local: server.LocalOptions{Roles: server.LocalRoles{
		Readers:   server.Callers{UIDs: []uint32{1001, 1004}, GIDs: []uint32{2001}},
		Operators: server.Callers{UIDs: []uint32{1002}, GIDs: []uint32{2002}},
		Admins:    server.Callers{UIDs: []uint32{1003, 1004}, GIDs: []uint32{2003}},
	}}})
	r.reachable(t)
	for name, c := range map[string]struct {
		uid, group int
		want       string
	}{
		"uid of a reader": {1001, nobodys, "reader"}, "uid of an operator": {1002, nobodys, "operator"}, "uid of an admin": {1003, nobodys, "admin"},
		"group of readers": {1009, 2001, "reader"}, "group of operators": {1009, 2002, "operator"}, "group of admins": {1009, 2003, "admin"},
		"named twice": {1004, nobodys, "admin"}, "a reader in a group of operators": {1001, 2002, "operator"}, "root": {0, nobodys, "admin"},
	} {
		conn := r.connAs(t, c.uid, c.group)
		info, err := pb.NewMaintenanceServiceClient(conn).GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
		must(t, err)
		if info.CallerRole != c.want {
			t.Errorf("%s: %s, want %s", name, info.CallerRole, c.want)
		}
		_, err = pb.NewRouteServiceClient(conn).RemoveRoute(t.Context(), &pb.RemoveRouteRequest{Selector: selector("Port3", "10.7.0.0/16", ""), All: true})
		if denied := reason(err) == routes.PermissionDenied; denied != (c.want == "reader") {
			t.Errorf("%s removes: %v", name, err)
		}
		stream, err := pb.NewMaintenanceServiceClient(conn).Backup(t.Context(), &pb.BackupRequest{})
		must(t, err)
		if _, err = stream.Recv(); (err == nil) != (c.want == "admin") {
			t.Errorf("%s takes a backup: %v", name, err)
		}
	}
}

// TestRolesChangeAtOnce: other roles count for those who are connected, too.
func TestRolesChangeAtOnce(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can connect as another uid")
	}
	readers := server.LocalRoles{Readers: server.Callers{UIDs: []uint32{1001}}}
	r := start(t, rigOptions{local: server.LocalOptions{Roles: readers}})
	r.reachable(t)
	conn := r.connAs(t, 1001, 7)
	role := func() (string, error) {
		info, err := pb.NewMaintenanceServiceClient(conn).GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
		return info.GetCallerRole(), err
	}
	for _, step := range []struct {
		roles  server.LocalRoles
		role   string
		reason routes.Reason
		mode   os.FileMode
	}{
		{readers, "reader", "", 0o666},
		{server.LocalRoles{Admins: server.Callers{UIDs: []uint32{1001}}}, "admin", "", 0o666},
		{server.LocalRoles{}, "", routes.PermissionDenied, 0o600},
		{readers, "reader", "", 0o666},
	} {
		must(t, r.local.SetRoles(step.roles))
		info, err := os.Lstat(r.path)
		must(t, err)
		if got, err := role(); got != step.role || reason(err) != step.reason || info.Mode().Perm() != step.mode {
			t.Errorf("with %+v: %q, %v, the socket %v", step.roles, got, err, info.Mode())
		}
	}
}

// TestAStreamEndsWithItsRole: a caller who may no longer read gets nothing more.
func TestAStreamEndsWithItsRole(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can connect as another uid")
	}
	roles := func(readers ...uint32) server.LocalRoles {
		return server.LocalRoles{Readers: server.Callers{UIDs: readers}}
	}
	r := start(t, rigOptions{local: server.LocalOptions{Roles: roles(1001, 1002)}})
	r.reachable(t)
	watch := func(uid int) grpc.ServerStreamingClient[pb.WatchRoutesResponse] {
		stream, err := r.dialAs(t, uid, 7).WatchRoutes(patient(t), &pb.WatchRoutesRequest{})
		must(t, err)
		if m, err := stream.Recv(); err != nil || m.Kind != pb.WatchRoutesResponse_KIND_IN_SYNC {
			t.Fatalf("%v %v", m, err)
		}
		return stream
	}
	stays, goes := watch(1001), watch(1002)
	must(t, r.local.SetRoles(roles(1001)))
	if m, err := goes.Recv(); reason(err) != routes.PermissionDenied {
		t.Errorf("who has lost the role gets %v, %v", m, err)
	}
	r.add(t, route("Port3", "10.20.0.0/16", "192.168.20.1", 7))
	if m, err := stays.Recv(); err != nil || m.Kind != pb.WatchRoutesResponse_KIND_ADDED {
		t.Errorf("who has kept it gets %v, %v", m, err)
	}
}

func TestPeerCredentialsDecide(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can connect as another uid")
	}
	r := start(t, rigOptions{local: server.LocalOptions{Roles: server.LocalRoles{
		Readers: server.Callers{UIDs: []uint32{12345}}, Operators: server.Callers{GIDs: []uint32{54321}},
	}}})
	r.reachable(t)
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
	closed(t, c, time.Minute)
}
