package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrTaken is a state folder that was deleted, moved or replaced under the
// running agent: nothing written from then on would be found by the next one.
var ErrTaken = errors.New("the state folder was deleted, moved or replaced under the running agent; put it back or restart the agent, which then takes the whole set from the host")

// held says that the folder is the one that this process has locked.
func (j *Journal) held() error {
	if !leadsTo(filepath.Join(j.dir, lockName), j.lock) {
		return fmt.Errorf("%s: %w", j.dir, ErrTaken)
	}
	return nil
}

// leadsTo reports whether the file at path is the open one.
func leadsTo(path string, open *os.File) bool {
	there, err := os.Lstat(path)
	if err != nil {
		return false
	}
	info, err := open.Stat()
	return err == nil && os.SameFile(there, info)
}
