package agent

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/hcsroute/hcsroute/agent/journal"
)

// formerProtocols are the numbers other than current that our routes may carry
// in the kernel: the configured number has been changed. Both are on the disk
// before the first route is written again; a start after a crash goes on.
func formerProtocols(j *journal.Journal, current uint8, log *slog.Logger) []uint8 {
	noted, err := j.Protocols()
	if err != nil {
		log.Error("routes from before a change of the protocol number are taken for another manager's", "error", err)
	}
	former := slices.DeleteFunc(slices.Clone(noted), func(n uint8) bool { return n == current })
	if len(former) > 0 {
		log.Info("the protocol number of our routes has changed; they are written again", "former", fmt.Sprintf("%d", former), "now", current)
		note(j, append(slices.Clone(former), current), log)
	}
	return former
}

// migrated notes, once that is so, that our routes carry the current number only.
func (a *Agent) migrated() {
	if a.noted || a.migrating || a.carriedGen == 0 {
		return
	}
	a.noted = true
	current := []uint8{a.opts.Kernel.Protocol()}
	if noted, err := a.journal.Protocols(); err != nil || !slices.Equal(noted, current) {
		note(a.journal, current, a.opts.Log)
	}
}

func note(j *journal.Journal, numbers []uint8, log *slog.Logger) {
	if err := j.NoteProtocols(numbers); err != nil {
		log.Error("after a change of the protocol number, old routes would be taken for another manager's", "error", err)
	}
}
