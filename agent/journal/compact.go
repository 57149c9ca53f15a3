package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hcsroute/hcsroute/agent/desired"
)

// Compaction rewrites the log as one whole set while changes go on.
type Compaction struct {
	journal *Journal
	state   desired.State // a copy
	base    int64         // bytes of the whole set
	tail    []byte        // changes since it began
	file    *os.File
	err     error
}

// Oversized says that the changes outweigh the set that they started from.
func (j *Journal) Oversized() bool {
	return j.compaction == nil && !j.stale && j.size > 2*j.base && j.size > compactFloor
}

// Begin starts a compaction to a copy of the state of now. Its Write may then
// run in another goroutine; Finish is called after it.
func (j *Journal) Begin(state *desired.State) *Compaction {
	j.compaction = &Compaction{journal: j, state: *state}
	j.compaction.state.Set = state.Set.Clone()
	return j.compaction
}

// Write writes and syncs the set that the compaction began with. It is the
// slow part, and touches nothing that Append does.
func (c *Compaction) Write() {
	content := encodeState(c.journal.node, &c.state)
	c.state, c.base = desired.State{}, int64(len(content))
	c.file, c.err = c.journal.create(compactName, content)
}

// Finish appends what changed meanwhile and puts the new log in the old one's
// place. On an error the old log goes on. A Replace since Begin makes it void.
func (j *Journal) Finish(c *Compaction) error {
	current := j.compaction == c
	if current {
		j.compaction = nil
	}
	if c.err != nil {
		return fmt.Errorf("compact the log of routes: %w", c.err)
	}
	var err error
	if current && len(c.tail) > 0 {
		if _, err = c.file.WriteAt(c.tail, c.base); err == nil {
			err = j.sync(c.file)
		}
	}
	if !current || err != nil {
		err = errors.Join(err, c.file.Close(), os.Remove(filepath.Join(j.dir, compactName)))
	} else {
		err = j.install(c.file, compactName, c.base+int64(len(c.tail)), c.base)
	}
	if err != nil {
		return fmt.Errorf("compact the log of routes: %w", err)
	}
	return nil
}
