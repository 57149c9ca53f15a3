package config

import (
	"context"
	"log/slog"
	"os"
	"strings"
)

// Reloader puts what the files say now in force, in a program that runs.
type Reloader[C interface{ logging() Log }] struct {
	Start C // with what the program was started
	Load  func() (C, error)
	// Take puts next in force; an error has changed nothing. It returns whether
	// certificates are other ones now.
	Take func(next C) (certificates bool, err error)
	// Live reports whether a key of next takes effect without a restart.
	Live  func(key string, next C) bool
	Tell  func(how string) // how a reload went
	Log   *slog.Logger
	Level *slog.LevelVar // of Log
}

// Follow reloads at each hangup until ctx ends.
func (r Reloader[C]) Follow(ctx context.Context, hangup <-chan os.Signal) error {
	current := r.Start
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			current = r.reload(current)
		}
	}
}

// reload takes over all that can be, or nothing where one file is bad. It returns
// what is loaded now.
func (r Reloader[C]) reload(current C) C {
	next, err := r.Load()
	certificates := false
	if err == nil {
		certificates, err = r.Take(next)
	}
	if err != nil {
		r.Log.Error("nothing was reloaded: everything stays as it was", "error", err)
		r.Tell("Nothing was reloaded, everything stays as it was: " + err.Error())
		return current
	}
	taken, _ := r.changed(current, next)
	r.Log.Info("reloaded", "keys", taken, "other_certificates", certificates)
	_ = next.logging().adjust(r.Level) // validated
	how := "Reloaded"
	if _, restart := r.changed(r.Start, next); len(restart) > 0 {
		r.Log.Warn("a restart is needed for what cannot be reloaded", "keys", restart)
		how += "; a restart is needed for " + strings.Join(restart, ", ")
	}
	r.Tell(how)
	return next
}

// changed are the keys in which next differs: those that take effect at once, and
// those that need a restart.
func (r Reloader[C]) changed(before, next C) (live, restart []string) {
	for _, key := range changedKeys(before, next) {
		if r.Live(key, next) {
			live = append(live, key)
		} else {
			restart = append(restart, key)
		}
	}
	return live, restart
}

func (c Service) logging() Log { return c.Log }

func (c Agent) logging() Log { return c.Log }
