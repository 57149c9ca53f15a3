package process

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/privilege"
)

// stopLimit is how long a stop may take before it counts as stuck.
const stopLimit = 30 * time.Second

// Needs are what a program asks of the system.
type Needs struct {
	Log    config.Log
	Plan   privilege.Plan // without what the process knows: arguments, environment, log
	Memory int64          // where the garbage collector works harder, in bytes
	Ends   string         // for the log when the program fails: what ends
}

// Running is a program that has what it needs.
type Running struct {
	Log    *slog.Logger
	Level  *slog.LevelVar   // of Log
	Hangup <-chan os.Signal // each asks for a reload
	notify string           // the service manager's socket; empty: none
}

// run gives a program its log, takes its privileges away, and watches its stop.
// What ends it is in the log.
func (s System) run(ctx context.Context, n Needs, program func(Running) error) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from now on it does not end the process
	defer signal.Stop(hangup)
	r := Running{Level: new(slog.LevelVar), Hangup: hangup, notify: config.Lookup(s.Environ, "NOTIFY_SOCKET")}
	handler, err := n.Log.Handler(s.output(), r.Level)
	if err != nil {
		return Usage(err)
	}
	r.Log = slog.New(handler)
	done := make(chan struct{})
	defer close(done)
	go s.watchStop(ctx, done)
	if err := s.start(n, r, program); err != nil {
		r.Log.Error(n.Ends, "error", err)
		return loggedError{err}
	}
	return nil
}

func (s System) start(n Needs, r Running, program func(Running) error) error {
	drop := s.Drop
	if drop == nil {
		drop = privilege.Drop
	}
	plan := n.Plan
	plan.Args, plan.Environ, plan.Log = s.Args, s.Environ, r.Log
	if err := drop(plan); err != nil {
		return err
	}
	tuneMemory(s.Environ, n.Memory)
	return program(r)
}

// loggedError is one that the log has.
type loggedError struct{ error }

func (e loggedError) Unwrap() error { return e.error }

// Notify sends the service manager a state, where there is one. Nothing depends
// on it: a failure is only logged.
func (r Running) Notify(state string) {
	if err := notify(r.notify, strings.ReplaceAll(state, "\n", "; ")); err != nil {
		r.Log.Warn("the service manager cannot be reached", "state", state, "error", err)
	}
}

// watchStop ends a process whose stop is stuck, and shows where.
func (s System) watchStop(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		var all strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&all, 2)
		s.output().Fail(fmt.Sprintf("the stop is stuck after %s; all goroutines:\n%s", stopLimit, &all))
		s.Exit(exitStuck)
	}
}
