package netlist

import (
	"errors"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
)

// TestWhole: a list that was interrupted is asked for again, and never used.
func TestWhole(t *testing.T) {
	other := errors.New("no buffers")
	for name, c := range map[string]struct {
		interrupted int
		then        error
		want        []int
		err         error
		calls       int
	}{
		"at once":             {0, nil, []int{1, 2}, nil, 1},
		"after two":           {2, nil, []int{1, 2}, nil, 3},
		"never":               {1000, nil, nil, netlink.ErrDumpInterrupted, tries},
		"another error stays": {1, other, nil, other, 2},
	} {
		calls := 0
		got, err := Whole(func() ([]int, error) {
			calls++
			switch {
			case calls <= c.interrupted:
				return []int{1}, netlink.ErrDumpInterrupted
			case c.then != nil:
				return nil, c.then
			}
			return []int{1, 2}, nil
		})
		if !slices.Equal(got, c.want) || !errors.Is(err, c.err) || calls != c.calls {
			t.Errorf("%s: %v, %v after %d calls", name, got, err, calls)
		}
	}
}
