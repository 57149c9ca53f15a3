package routes

import "fmt"

// MaxPerDestination is how many routes lead to one destination at most. Those that
// are being removed count, since nodes may still have them.
const MaxPerDestination = 64

// Room refuses a further key at a destination that has MaxPerDestination or more: each
// of them costs every later decision there, and every node that programs them. at are
// the records that d was decided among; lingers says that what d removes stays among
// them, until the nodes have proved it gone. What is stored already stays, however much.
func (d Decision) Room(at []Record, lingers bool) error {
	if d.Put.IsZero() || len(d.Remove) > 0 && !lingers {
		return nil
	}
	count, removing := 0, 0
	for _, rec := range at {
		if rec.Route.Destination() != d.Put.Destination() {
			continue
		}
		if rec.Route.SameKey(d.Put) {
			return nil
		}
		count++
		if rec.Removed {
			removing++
		}
	}
	if count < MaxPerDestination {
		return nil
	}
	e := &Error{
		Reason: DestinationFull, Field: "destination", Value: d.Put.Destination().String(),
		Problem: fmt.Sprintf("%d routes lead to it, and at most %d may", count, MaxPerDestination),
		Params:  map[string]string{"count": fmt.Sprint(count), "limit": fmt.Sprint(MaxPerDestination)},
	}
	if removing > 0 {
		e.Problem = fmt.Sprintf("%d routes lead to it (being removed: %d), and at most %d may", count, removing, MaxPerDestination)
		e.Params["removing"] = fmt.Sprint(removing)
	}
	if len(d.Remove) > 0 {
		e.Problem += "; one whose next hop changes counts until every node has proved it gone"
	}
	if count-removing < MaxPerDestination {
		e.Action = "Wait until every node has proved the removals, after a call of their own; see with get / Get-HcsNetRoute how far the nodes are"
	}
	return e
}
