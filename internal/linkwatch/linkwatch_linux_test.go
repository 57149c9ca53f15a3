package linkwatch_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/internal/linkwatch"
	"github.com/hcsroute/hcsroute/internal/nstest"
)

func TestMain(m *testing.M) { os.Exit(nstest.Main(m)) }

func TestWatch(t *testing.T) {
	nstest.Require(t)
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w, err := linkwatch.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	veth := nstest.Veth{Name: "w0", Peer: "w1", MAC: "02:00:00:00:00:01", Addresses: []string{"192.168.20.1/24"}}
	if _, err := veth.Create(); err != nil {
		t.Fatal(err)
	}
	defer veth.Remove()
	select {
	case _, open := <-w.C():
		if !open {
			t.Fatalf("the subscription ended: %v", w.Err())
		}
	case <-time.After(time.Minute):
		t.Fatal("a new link and address were not told")
	}
	cancel()
	for range w.C() { // what came before the end
	}
	if !errors.Is(w.Err(), context.Canceled) {
		t.Errorf("the end: %v", w.Err())
	}
}
