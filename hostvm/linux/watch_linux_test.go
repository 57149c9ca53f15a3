package linux

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/internal/nstest"
)

func TestWatch(t *testing.T) {
	nstest.Require(t)
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w, err := subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	veth := nstest.Veth{Name: "w0", Peer: "w1", MAC: "02:00:00:00:00:01", Addresses: []string{"192.168.20.1/24"}}
	if _, err := veth.Create(); err != nil {
		t.Fatal(err)
	}
	defer veth.Remove()
	select {
	case _, open := <-w.c:
		if !open {
			t.Fatalf("the subscription ended: %v", w.err)
		}
	case <-time.After(time.Minute):
		t.Fatal("a new link and address sent no event")
	}
	cancel()
	for range w.c { // what came before the end
	}
	if !errors.Is(w.err, context.Canceled) {
		t.Errorf("the end: %v", w.err)
	}
}
