package hostd

import (
	"context"
	"log/slog"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/filemode"
)

// fileCheck is how often certificates are looked at for their end, and the
// operator's files for who can edit them.
const fileCheck = time.Hour

// exposed says which of the operator's files others can edit.
func (e environment) exposed() (problems []string) {
	for _, path := range []string{e.File, e.Config.Inventory.File} {
		if problem := filemode.Changeable(path); path != "" && problem != "" {
			problems = append(problems, problem)
		}
	}
	return problems
}

// watchFiles warns in time before a certificate ends, and of files that are
// not safe.
func watchFiles(ctx context.Context, log *slog.Logger, problems func() []string) error {
	tick := time.NewTicker(fileCheck)
	defer tick.Stop()
	for {
		for _, problem := range problems() {
			log.Warn("a file needs the operator", "problem", problem)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// certificateProblems says what is wrong with certificates, or soon will be;
// nil files are none.
func certificateProblems(all ...*certs.Files) (problems []string) {
	for _, f := range all {
		if f == nil {
			continue
		}
		if err := f.Problem(time.Now()); err != nil {
			problems = append(problems, err.Error())
		}
	}
	return problems
}
