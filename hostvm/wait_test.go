package hostvm_test

import (
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// TestAFailureLeavesTheOthersTime: a node that is about to answer is not called
// late because another one failed; one that does not answer holds nobody up.
func TestAFailureLeavesTheOthersTime(t *testing.T) {
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	late := nodeAt("k8s-worker", "unix:///nonexistent/agent.sock")
	late.State = hostvm.NodeRunning
	timing := quick()
	r := newRig(t, timing, nodeAt(a.id, endpoint), late)
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	key := camera().Key()
	a.do(func() { a.exceptions[key] = exception(key, routes.Failed, routes.KernelRejected) })
	begun := time.Now()
	w := r.wait(r.add(camera()), key)
	if took := time.Since(begun); took < timing.Grace || took > patience/2 {
		t.Errorf("the wait took %s, with %s of grace", took, timing.Grace)
	}
	if w.Reached || len(w.Late) != 2 {
		t.Errorf("%+v", w)
	}
}
