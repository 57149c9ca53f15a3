package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/routes"
)

// errLocked is a state folder that another process uses.
var errLocked = errors.New("another process uses it")

// Open opens the log of a folder and reads the state that it leads to. A torn
// end, as a crash leaves it, is cut off. A log that is damaged otherwise, or
// of another node, is moved aside where it can be: the state is then empty and
// not Complete. One that can only be read, as on a disk that came up read-only,
// is as good: routes need no more.
func Open(o Options) (*Journal, desired.State, error) {
	state := desired.State{Set: desired.NewSet(0)}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, state, fmt.Errorf("state folder: %w", err)
	}
	lock, err := lockFile(filepath.Join(o.Dir, lockName), os.O_RDWR|os.O_CREATE)
	if unwritable(err) {
		if held, why := lockFile(filepath.Join(o.Dir, lockName), os.O_RDONLY); why == nil || errors.Is(why, errLocked) {
			lock, err = held, why
		}
	}
	if err != nil {
		return nil, state, fmt.Errorf("state folder %s: %w", o.Dir, err)
	}
	j := &Journal{dir: o.Dir, node: o.Node, log: o.Log, lock: lock, sync: syncData}
	if err := errors.Join(removeIfThere(o.Dir, newName), removeIfThere(o.Dir, compactName)); err != nil {
		o.Log.Warn("what an earlier write left over is not removed yet; the next one does it", "error", err)
	}
	path := filepath.Join(o.Dir, logName)
	j.file, err = os.OpenFile(path, os.O_RDWR, 0)
	var readOnly error
	if unwritable(err) {
		readOnly = err
		j.file, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		j.file = nil
		return j, state, nil
	}
	if err != nil {
		return nil, state, errors.Join(fmt.Errorf("log of routes: %w", err), lock.Close())
	}
	loaded, err := j.load(readOnly != nil)
	if err == nil {
		if j.readOnly = readOnly; readOnly != nil {
			o.Log.Error("the log of routes can be read only: its routes are programmed, and changes are not reported as carried out until it can be written", "error", readOnly)
		}
		return j, loaded, nil
	}
	_ = j.file.Close()
	j.file = nil
	const stay = "; routes stay as they are until the host sends the whole set"
	aside := filepath.Join(o.Dir, damagedName)
	switch moved := os.Rename(path, aside); {
	case moved == nil:
		o.Log.Error("the log of routes cannot be used and was moved aside"+stay, "error", err, "moved_to", aside)
	case unwritable(moved):
		o.Log.Error("the log of routes cannot be used, and stays where it is, as nothing can be written"+stay, "error", err)
	default:
		return nil, state, errors.Join(fmt.Errorf("log of routes: %w", err), moved, lock.Close())
	}
	return j, state, nil
}

// unwritable reports whether err refuses writing, so that reading may be allowed.
func unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func removeIfThere(dir, name string) error {
	path := filepath.Join(dir, name)
	// A disk that is read-only says so before it looks for the file.
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.Remove(path)
}

// load reads the file and cuts off a torn end, where it may.
func (j *Journal) load(readOnly bool) (desired.State, error) {
	info, err := j.file.Stat()
	if err != nil {
		return desired.State{}, err
	}
	r := &reader{src: j.file, size: info.Size()}
	state, err := replay(r, j.node)
	j.stale = r.plain || readOnly // what follows is written with the whole set, in this format
	j.base, j.size = r.base, r.offset
	if err == nil || !state.Complete() || !errors.Is(err, errDamaged) {
		return state, err
	}
	if more, scan := r.goodAfter(); more || scan != nil {
		return state, errors.Join(fmt.Errorf("%w in the middle of the log", err), scan)
	}
	if readOnly {
		j.log.Warn("the log of routes has a torn end, as after a crash; it is passed over", "error", err, "bytes", info.Size()-r.offset)
		return state, nil
	}
	j.log.Warn("the log of routes has a torn end, as after a crash; it was cut off", "error", err, "bytes", info.Size()-r.offset)
	if err := j.file.Truncate(r.offset); err != nil {
		return state, err
	}
	return state, j.sync(j.file)
}

// replay reads a log up to its end or the first error. The state is Complete
// when the whole set at its beginning is; with errDamaged it is then what the
// good changes lead to.
func replay(r *reader, node string) (desired.State, error) {
	k, body, err := r.next()
	if err != nil {
		return desired.State{}, noEOF(err)
	}
	if k != kindHeader {
		return desired.State{}, fmt.Errorf("record %d at the beginning", k)
	}
	h, err := decodeHeader(body)
	if err != nil {
		return desired.State{}, fmt.Errorf("header: %w", err)
	}
	r.plain = h.plain
	if h.node != node {
		return desired.State{}, fmt.Errorf("it is of node %q, this is node %q", h.node, node)
	}
	if h.storeID == "" {
		return desired.State{}, errors.New("header without store id")
	}
	state, err := replaySet(r, h)
	if err != nil {
		return desired.State{}, err
	}
	r.base = r.offset
	for {
		k, body, err := r.next()
		if errors.Is(err, io.EOF) {
			return state, nil
		}
		if err != nil {
			return state, err
		}
		if k != kindChange {
			return desired.State{}, fmt.Errorf("record %d among the changes", k)
		}
		change, err := decodeChange(body, h)
		if err == nil {
			err = state.Apply(change)
		}
		if err != nil {
			return desired.State{}, fmt.Errorf("change before offset %d: %w", r.offset, err)
		}
	}
}

// part is a record of the whole set.
type part struct {
	routes []routes.Route
	digest routes.Digest
	last   *desired.State // of the last part: all but the routes
	err    error
}

// replaySet reads the whole set and verifies it. One goroutine reads and adds
// up the digest while this one fills the set, which takes as long.
func replaySet(r *reader, h header) (desired.State, error) {
	room := min(h.count, uint64(r.size)/routeMin)
	state := desired.State{Set: desired.NewSet(int(room))}
	parts := make(chan part, 1)
	go func() {
		defer close(parts)
		for p := (part{}); p.last == nil && p.err == nil; {
			p = readPart(r, h)
			parts <- p
		}
	}()
	// The reader is the caller's again when the goroutine has ended.
	defer func() {
		for range parts {
		}
	}()
	for p := range parts {
		switch {
		case p.err != nil:
			return state, p.err
		case p.last != nil:
			state.Version, state.Authenticator, state.Ports = p.last.Version, p.last.Authenticator, p.last.Ports
			return state, state.Verify()
		case !state.Set.Fill(p.routes, p.digest):
			return state, errors.New("a route is twice in the whole set")
		}
	}
	return state, io.ErrUnexpectedEOF
}

func readPart(r *reader, h header) (p part) {
	k, body, err := r.next()
	if err != nil {
		return part{err: noEOF(err)}
	}
	c := cursor{rest: body}
	switch k {
	case kindRoutes:
		n := c.count(routeMin)
		p.routes = make([]routes.Route, 0, n)
		for range n {
			p.routes = append(p.routes, c.route())
		}
	case kindSet:
		p.last = &desired.State{Version: c.version(h), Authenticator: c.authenticator(h), Ports: c.ports()}
	default:
		return part{err: fmt.Errorf("record %d in the whole set", k)}
	}
	if p.err = c.end(); p.err == nil {
		p.digest = routes.DigestOf(p.routes)
	}
	return p
}

// noEOF is for places where a log must not end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
