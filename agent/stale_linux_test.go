package agent_test

import (
	"os"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/routes"
)

// amnesia is a node whose state folder was lost while its kernel holds the
// routes of the host's set.
func amnesia(t *testing.T) (r *rig, h *agenttest.Host, stale *agenttest.Host, held []string) {
	t.Helper()
	r, h = newRig(t), host()
	empty := host()
	var all []routes.Route
	for _, dst := range []string{"10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"} {
		all = append(all, route(t, dst, hop, 256))
		held = append(held, dst+" via "+hop)
	}
	h.Change(all)
	r.sync(h)
	r.expect(held...)
	r.stop()
	must(t, os.RemoveAll(r.state))
	r.start()
	return r, h, empty, held
}

// TestAStaleSetAloneChangesNothing: a set older than the store was when the
// session began is no set until the changes that follow have come, too. Were
// the service killed between the two, the node would lose its routes.
func TestAStaleSetAloneChangesNothing(t *testing.T) {
	r, h, stale, held := amnesia(t)
	watch := nstest.Deletions(t, proto)
	s := r.open(h)
	s.SendSet(t, stale)
	// Out of place, so that it is answered: by then the set has been dealt with.
	bad := h.Change([]routes.Route{route(t, "10.4.0.0/16", hop, 256)})
	s.Send(t, bad)
	s.Until(t, "resync", func() bool { return s.Last.GetResync() })
	if v := s.Last.Version; v != nil {
		t.Errorf("the stale set was reported: %v", v)
	}
	s.Close()
	r.restart()
	if v := r.open(h).Hello.Version; v != nil {
		t.Errorf("the stale set was written to the log: %v", v)
	}
	r.expect(held...)
	if gone := watch(); len(gone) > 0 {
		t.Errorf("deleted: %q", gone)
	}
}

// TestAStaleSetAndItsChangesAreOne: nothing that the host wants is deleted on
// the way, and only the newest version is reported.
func TestAStaleSetAndItsChangesAreOne(t *testing.T) {
	r, h, stale, held := amnesia(t)
	watch := nstest.Deletions(t, proto)
	h.Version.Revision++ // in two steps, the first of which is still behind the hello
	s := r.open(h)
	s.SendSet(t, stale)
	all := slices.Collect(h.Set.All())
	s.Send(t, stale.Change(all[:1]), stale.Change(all[1:]))
	for s.Last.GetVersion() == nil {
		_, err := s.Next()
		must(t, err)
	}
	if v := s.Last.Version; v.GetRevision() != uint64(h.Version.Revision) {
		t.Errorf("the first version reported is %v", v)
	}
	s.Carried(t, h)
	r.expect(held...)
	if gone := watch(); len(gone) > 0 {
		t.Errorf("deleted: %q", gone)
	}
	r.restart()
	if v := r.open(h).Hello.Version; v.GetRevision() != uint64(h.Version.Revision) {
		t.Errorf("the log holds %v", v)
	}
}

// TestChangesOfAStaleSetAreHeldBack: the same, where the agent's own set is
// the one that is behind.
func TestChangesOfAStaleSetAreHeldBack(t *testing.T) {
	r, h := newRig(t), host()
	wanted := route(t, "10.1.0.0/16", hop, 256)
	h.Change([]routes.Route{wanted})
	r.sync(h).Close()
	watch := nstest.Deletions(t, proto)
	begun := *h
	begun.Version.Revision += 2
	s := r.open(&begun)
	s.Send(t, h.Change(nil, wanted), h.Change([]routes.Route{wanted}))
	s.Carried(t, h)
	if gone := watch(); len(gone) > 0 {
		t.Errorf("deleted: %q", gone)
	}
}

// TestSameVersionOtherContent: a version names one set for ever.
func TestSameVersionOtherContent(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	r.sync(h)
	other := host()
	other.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256)})
	s := r.open(other)
	s.SendSet(t, other)
	if err := s.Ended(t); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("another set of the same version: %v", err)
	}
	r.expect("10.1.0.0/16 via " + hop)
	// By a delta that leads nowhere, likewise.
	s = r.open(h)
	d := h.Change([]routes.Route{route(t, "10.3.0.0/16", hop, 256)})
	d.Version.Revision--
	s.Send(t, d)
	s.Until(t, "resync", func() bool { return s.Last.GetResync() })
	r.expect("10.1.0.0/16 via " + hop)
}
