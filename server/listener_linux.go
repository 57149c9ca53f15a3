package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
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
	dir := filepath.Dir(o.Path)
	dirMode, socketMode, group := modes(o)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := makeDir(dir, dirMode, group); err != nil {
			return nil, fmt.Errorf("make the socket's folder: %w", err)
		}
	}
	l, err := listen.Unix(ctx, o.Path)
	if err != nil {
		return nil, fmt.Errorf("make the local socket: %w", err)
	}
	if err := setMode(o.Path, socketMode, group); err != nil {
		return nil, errors.Join(fmt.Errorf("make the local socket: %w", err), l.Close())
	}
	allowed := allowed{own: uint32(os.Getuid()), uids: o.UIDs, gids: o.GIDs}
	return &Listener{Listener: l, Local: true, Identify: allowed.identify}, nil
}

func modes(o LocalOptions) (dir, socket os.FileMode, group int) {
	switch {
	case len(o.UIDs) == 0 && len(o.GIDs) == 0:
		return 0o700, 0o600, -1
	case len(o.UIDs) == 0 && len(o.GIDs) == 1:
		return 0o750, 0o660, int(o.GIDs[0])
	}
	return 0o711, 0o666, -1
}

func makeDir(dir string, mode os.FileMode, group int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return setMode(dir, mode, group)
}

func setMode(path string, mode os.FileMode, group int) error {
	if group >= 0 {
		if err := os.Lchown(path, -1, group); err != nil {
			return err
		}
	}
	return os.Chmod(path, mode)
}

// allowed are the callers that may use the local socket.
type allowed struct {
	own        uint32
	uids, gids []uint32
}

// identify asks the kernel who is at the other end.
func (a allowed) identify(c net.Conn) (Identity, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return Identity{}, fmt.Errorf("a %T tells nothing about its peer", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return Identity{}, err
	}
	return a.fromSocket(raw)
}

func (a allowed) fromSocket(raw syscall.RawConn) (Identity, error) {
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
	id := Identity{Actor: actorOf(cred.Uid), Role: Admin, Origin: originOf(cred.Pid)}
	if !a.may(cred.Uid, append(groups, cred.Gid)) {
		id.Role = NoRole
		id.Refused = &routes.Error{
			Reason: routes.PermissionDenied, Field: "caller", Value: id.Actor,
			Problem: "not one of the users that may use the local socket", Action: "Call as root, or add the uid or a gid to listen.local in the service's configuration",
		}
	}
	return id, nil
}

func (a allowed) may(uid uint32, groups []uint32) bool {
	if uid == 0 || uid == a.own || slices.Contains(a.uids, uid) {
		return true
	}
	return slices.ContainsFunc(groups, func(g uint32) bool { return slices.Contains(a.gids, g) })
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
