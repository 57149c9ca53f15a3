package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hcsroute/hcsroute/agent/desired"
)

// Names of files in the state folder.
const (
	logName     = "desired.log"
	newName     = "desired.log.new"     // a whole set on its way in
	compactName = "desired.log.compact" // a compaction on its way in
	damagedName = "desired.log.damaged" // the last log that could not be read
	lockName    = "lock"
)

// compactFloor is the size in bytes below which a log is left as it is.
const compactFloor = 64 << 10

// Options says where the log is and whose.
type Options struct {
	Dir  string // made with mode 0700 if missing
	Node string // a log of another node is moved aside
	Log  *slog.Logger
}

// Journal is an open log. It has one owner: its methods are not to be called
// at the same time, save Compaction.Write.
type Journal struct {
	dir  string
	node string
	log  *slog.Logger
	lock *os.File
	file *os.File // nil: there is no set yet
	// size is the number of bytes that are known to be good, base how many of
	// them are the header and the whole set.
	size, base int64
	// stale: the tail of the file is unknown, or its place in the folder is.
	// Only a new file can follow.
	stale      bool
	readOnly   error // why the file could only be read when it was opened
	compaction *Compaction
	sync       func(*os.File) error
}

// ReadOnly is why the log could only be read when it was opened; nil where it could be written.
func (j *Journal) ReadOnly() error { return j.readOnly }

// Append makes changes durable that already led to state. An error means that
// they may be lost by a restart; what was appended before is as it was, and
// the caller calls again with the same changes, and later ones.
func (j *Journal) Append(state *desired.State, changes ...desired.Change) error {
	if j.file == nil || j.stale {
		return j.Replace(state)
	}
	if !leadsTo(filepath.Join(j.dir, logName), j.file) {
		// Where the folder is still ours, all that the log held is written again.
		err := j.Replace(state)
		if err == nil {
			j.log.Warn("the log of routes was deleted or replaced under the running agent; it was written again", "dir", j.dir)
		}
		return err
	}
	var buf []byte
	for _, c := range changes {
		buf = appendChange(buf, c)
	}
	if _, err := j.file.WriteAt(buf, j.size); err != nil {
		// What was written of it must not stand before the next record.
		if cut := j.file.Truncate(j.size); cut != nil {
			j.stale = true
			err = errors.Join(err, cut)
		}
		return fmt.Errorf("append to the log of routes: %w", err)
	}
	if err := j.sync(j.file); err != nil {
		// The kernel may have dropped the pages: never trust this file again.
		j.stale = true
		return fmt.Errorf("append to the log of routes: %w", err)
	}
	j.size += int64(len(buf))
	if j.compaction != nil {
		j.compaction.tail = append(j.compaction.tail, buf...)
	}
	return nil
}

// Replace makes a whole state durable in a new file. On an error the old log
// stays as it was.
func (j *Journal) Replace(state *desired.State) error {
	j.compaction = nil
	buf := encodeState(j.node, state)
	file, err := j.create(newName, buf)
	if err == nil {
		err = j.install(file, newName, int64(len(buf)), int64(len(buf)))
	}
	if err != nil {
		return fmt.Errorf("write the log of routes: %w", err)
	}
	return nil
}

func encodeState(node string, s *desired.State) []byte {
	buf := make([]byte, 0, 256+s.Set.Len()*(routeMin+5))
	buf = appendHeader(buf, header{node: node, storeID: s.Version.StoreID, epoch: s.Version.Epoch, count: uint64(s.Set.Len())})
	return appendSet(buf, s)
}

// create writes and syncs a file beside the log; on an error it removes it.
func (j *Journal) create(name string, content []byte) (*os.File, error) {
	if err := j.held(); err != nil {
		return nil, err
	}
	path := filepath.Join(j.dir, name)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = file.WriteAt(content, 0); err == nil {
		err = j.sync(file)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return file, nil
}

// install puts a complete file in the log's place.
func (j *Journal) install(file *os.File, name string, size, base int64) error {
	if err := os.Rename(filepath.Join(j.dir, name), filepath.Join(j.dir, logName)); err != nil {
		return errors.Join(err, file.Close(), os.Remove(filepath.Join(j.dir, name)))
	}
	if j.file != nil {
		_ = j.file.Close() // it is no longer the log, and nothing in it matters
	}
	j.file, j.size, j.base = file, size, base
	err := syncDir(j.dir)
	j.stale = err != nil
	return err
}

// Close releases the log. What was acknowledged is already on the disk.
func (j *Journal) Close() error {
	j.compaction = nil
	var err error
	if j.file != nil {
		err = j.file.Close()
	}
	return errors.Join(err, j.lock.Close())
}
