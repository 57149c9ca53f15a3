package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/listen"
	"github.com/hcsroute/hcsroute/routes"
)

// ListenUnix listens for callers on the device. The folder is made when it is
// missing. Socket and folder are for our own uid only (0600, 0700), unless
// others are named: then the file modes let them reach the socket, and the
// kernel's word on the peer (SO_PEERCRED, unix(7)) decides.
func ListenUnix(ctx context.Context, o LocalOptions) (*Listener, error) {
	l, err := listen.Unix(ctx, listen.SocketFile{Path: o.Path, Access: o.Roles.access(), Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("make the local socket: %w", err)
	}
	users := &localUsers{own: uint32(os.Getuid())}
	users.set(o.Roles)
	return &Listener{Listener: l, Local: true, Identify: users.identify, setRoles: func(r LocalRoles) error {
		users.set(r)
		if err := l.Open(r.access()); err != nil {
			return fmt.Errorf("let others reach the local socket: %w", err)
		}
		return nil
	}}, nil
}

// access lets all who have a role reach the socket, and as few others as file
// modes can keep out.
func (r LocalRoles) access() listen.Access {
	if gid, one := r.Group(); one {
		return listen.Access{Folder: 0o750, Socket: 0o660, Group: int(gid)}
	}
	if uids, gids := r.all(); len(uids)+len(gids) == 0 {
		return listen.Private()
	}
	return listen.Access{Folder: 0o711, Socket: 0o666, Group: -1}
}

// localUsers are the users of the device, as callers.
type localUsers struct {
	own uint32
	now atomic.Pointer[rolesNow]
}

// rolesNow are the roles until replaced is closed.
type rolesNow struct {
	LocalRoles
	replaced chan struct{}
}

func (u *localUsers) set(r LocalRoles) {
	if old := u.now.Swap(&rolesNow{r, make(chan struct{})}); old != nil {
		close(old.replaced)
	}
}

// identify asks the kernel who is at the other end.
func (u *localUsers) identify(c net.Conn) (Identity, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return Identity{}, fmt.Errorf("a %T does not identify its peer", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return Identity{}, err
	}
	return u.fromSocket(raw)
}

func (u *localUsers) fromSocket(raw syscall.RawConn) (Identity, error) {
	var cred *unix.Ucred
	var groups []uint32
	var sysErr error
	if err := raw.Control(func(fd uintptr) {
		if cred, sysErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); sysErr == nil {
			groups, sysErr = peerGroups(int(fd))
		}
	}); err != nil {
		return Identity{}, err
	}
	if sysErr != nil {
		return Identity{}, fmt.Errorf("ask for the peer's credentials: %w", sysErr)
	}
	groups = append(groups, cred.Gid)
	id := Identity{
		Actor: actorOf(cred.Uid), Origin: originOf(cred.Pid), reserved: cred.Uid == 0 || cred.Uid == u.own,
		roleNow: func() (Role, <-chan struct{}) { return u.role(cred.Uid, groups) },
	}
	id.Role, _ = id.roleNow()
	if id.Role == NoRole {
		id.Refused = &routes.Error{
			Reason: routes.PermissionDenied, Field: "caller", Value: id.Actor,
			Problem: "not one of the users that may use the local socket", Action: "Call as root, or add the uid or a gid to listen.local.readers, operators or admins in the service's configuration",
		}
	}
	return id, nil
}

// role is the role of a user, and closed when it may be another.
func (u *localUsers) role(uid uint32, groups []uint32) (r Role, replaced <-chan struct{}) {
	roles := u.now.Load()
	switch {
	case uid == 0, uid == u.own, roles.Admins.have(uid, groups):
		r = Admin
	case roles.Operators.have(uid, groups):
		r = Operator
	case roles.Readers.have(uid, groups):
		r = Reader
	}
	return r, roles.replaced
}

func (c Callers) have(uid uint32, groups []uint32) bool {
	return slices.Contains(c.UIDs, uid) || slices.ContainsFunc(groups, func(g uint32) bool { return slices.Contains(c.GIDs, g) })
}

func actorOf(uid uint32) string {
	actor := fmt.Sprintf("uid:%d", uid)
	if u, err := user.LookupId(fmt.Sprint(uid)); err == nil {
		actor += "(" + u.Username + ")"
	}
	return actor
}

// originOf names the peer's process; the name is the process's own claim.
func originOf(pid int32) string {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	name := strings.Map(func(r rune) rune {
		if unprintable(r) {
			return -1
		}
		return r
	}, string(comm))
	if err != nil || name == "" {
		return fmt.Sprintf("local pid %d", pid)
	}
	return fmt.Sprintf("local pid %d (%s)", pid, name)
}
