package change

import (
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// TestAChangeIsReplayedWhole or not: one part that was carried out now is enough
// for it to be none.
func TestAChangeIsReplayedWhole(t *testing.T) {
	accepted, refused := []ItemResult{{Outcome: "CREATED"}}, []ItemResult{{Err: &routes.Error{Reason: routes.NotFound}}}
	replay, fresh, none := Result{Items: accepted, Replayed: true, Revision: 7}, Result{Items: accepted, Revision: 9}, Result{Items: refused}
	for name, c := range map[string]struct {
		parts []Result
		want  bool
	}{
		"nothing":            {nil, false},
		"a replay":           {[]Result{replay}, true},
		"two":                {[]Result{replay, replay}, true},
		"refused in between": {[]Result{none, replay, none, replay, none}, true},
		"the rest is new":    {[]Result{replay, fresh}, false},
		"new, then a replay": {[]Result{fresh, replay}, false},
		"new in the middle":  {[]Result{replay, fresh, replay}, false},
		"everything refused": {[]Result{none, none}, false},
		"new and refused":    {[]Result{none, fresh}, false},
	} {
		var all Result
		for _, part := range c.parts {
			all.Add(part)
		}
		if all.Replayed != c.want || len(all.Items) != len(c.parts) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}
