package boltstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// childAdd adds and removes routes until it is killed: pairs that must stay
// together, from several callers. It prints the number of each pair that was
// acknowledged.
func childAdd(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	if err := s.Know(context.Background(), store.KnownNode{ID: "a"}); err != nil {
		return err
	}
	first := int(s.Info().Version.Revision) * 8
	fmt.Println("ready")
	var wg sync.WaitGroup
	for caller := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				n := first + 8*i + 2*caller
				req := asking(adds(n, 2)...)
				req.RequestID = fmt.Sprint("id-", n)
				if _, err := s.Apply(context.Background(), req); err != nil {
					fmt.Println("failed", err)
					return
				}
				fmt.Println("ack", n)
				if i%5 == 4 {
					_, _, _ = s.Compact(context.Background())
				}
			}
		})
	}
	wg.Wait()
	return errors.New("not killed")
}

// TestKill kills a writing process at random moments. What it acknowledged is
// there, nothing is there by half, and the store is whole.
func TestKill(t *testing.T) {
	path := dbPath(t)
	acknowledged := map[int]bool{}
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	for round := 0; round < rounds || len(acknowledged) < rounds; round++ { // on a busy machine it takes more
		cmd := child("add", path)
		for _, n := range killAfter(t, cmd, time.Duration(rand.IntN(25_000))*time.Microsecond) {
			acknowledged[n] = true
		}
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for n := range acknowledged {
			for _, r := range []routes.Route{numbered(n), numbered(n + 1)} {
				if _, err := s.Get(context.Background(), r.Key()); err != nil {
					t.Fatalf("round %d: acknowledged, but %v", round, err)
				}
			}
		}
		recs, _, err := s.List(context.Background(), store.Query{})
		if err != nil || len(recs)%2 != 0 || len(recs) < 2*len(acknowledged) {
			t.Fatalf("round %d: %d routes for %d acknowledged pairs, %v", round, len(recs), len(acknowledged), err)
		}
		if err := errors.Join(sound(s), s.Close()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	t.Logf("at least %d kills, %d acknowledged requests", rounds, len(acknowledged))
}

// killAfter starts the child, kills it some time after it is ready, and
// returns the numbers that it acknowledged.
func killAfter(t *testing.T, cmd *exec.Cmd, wait time.Duration) (numbers []int) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		rest, _ := io.ReadAll(lines)
		_ = cmd.Wait()
		t.Fatalf("the child says %q %s, %v", line, rest, err)
	}
	timer := time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	rest, _ := io.ReadAll(lines)
	_ = cmd.Wait()
	for line := range strings.Lines(string(rest)) {
		var n int
		// The last line may be cut short, and then counts for less than it is.
		if !strings.HasSuffix(line, "\n") {
			break
		}
		if _, err := fmt.Sscanf(line, "ack %d", &n); err != nil {
			t.Fatalf("the child says %q", line)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// childCreate makes the store again and again until it is killed.
func childCreate(path string) error {
	fmt.Println("ready")
	for {
		s, err := Open(path, Options{})
		if err != nil {
			return err
		}
		if err := errors.Join(addOne(s, 1), s.Close(), os.Remove(path)); err != nil {
			return err
		}
	}
}

// TestKillCreation kills a process that makes the store. The next start finds
// no store, or a whole one.
func TestKillCreation(t *testing.T) {
	path := dbPath(t)
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	found := 0
	for round := range rounds {
		killAfter(t, child("create", path), time.Duration(rand.IntN(8_000))*time.Microsecond)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			found++
		}
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := errors.Join(sound(s), s.Close(), os.Remove(path)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	t.Logf("%d kills, %d left a store", rounds, found)
}

// childHold holds the store until its input ends.
func childHold(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, s.Close())
}

func TestSecondInstance(t *testing.T) {
	path := dbPath(t)
	cmd := child("hold", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(line, err)
	}
	start := time.Now()
	_, err = Open(path, Options{})
	wantReason(t, err, routes.Unavailable)
	if holder := fmt.Sprintf("process %d", cmd.Process.Pid); !strings.Contains(err.Error(), holder) || time.Since(start) > 30*time.Second {
		t.Fatalf("after %s: %v, want %s", time.Since(start), err, holder)
	}
	if _, err = Restore(context.Background(), path, path, store.Caller{}); err == nil {
		t.Fatal("restored a store that is in use")
	}
	// The lock ends with the process, whatever end that is.
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	_ = in.Close()
	wantSound(t, mustOpen(t, path, Options{}))
}
