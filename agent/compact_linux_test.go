package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/routes"
)

// TestARunningAgentCompacts: the log of changes does not grow without end, and
// a start after that finds all of them.
func TestARunningAgentCompacts(t *testing.T) {
	r, h := newRig(t), host()
	s := r.sync(h)
	size := func() int64 {
		info, err := os.Stat(filepath.Join(r.state, "desired.log"))
		must(t, err)
		return info.Size()
	}
	most, limit := int64(0), time.Now().Add(agenttest.Patience)
	for n := 0; size() >= most; n++ {
		if time.Now().After(limit) {
			t.Fatalf("the log has %d bytes after %d changes", size(), n)
		}
		most = size()
		list := make([]routes.Route, 200)
		for i := range list {
			list[i] = route(t, fmt.Sprintf("10.2.%d.0/24", i), hop, uint32(300+n%2))
		}
		s.Send(t, h.Change(list))
		s.Carried(t, h)
	}
	t.Logf("%d bytes, then %d", most, size())
	r.restart()
	if got := r.open(h).Hello.Version.GetRevision(); got != uint64(h.Version.Revision) {
		t.Errorf("after a restart revision %d, carried out was %d", got, h.Version.Revision)
	}
}
