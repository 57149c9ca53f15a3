package cli

import (
	"fmt"
	"io"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// plan is what apply would change.
type plan struct {
	add, remove []routes.Route
	update      []update
	unchanged   int
	waiting     []view.Route // those of unchanged that are not plainly programmed
	other       int          // stored, not in the file, and kept
	places      []string
}

// update is a change of metric.
type update struct{ before, after routes.Route }

// planObject is the plan in the object of apply.
type planObject struct {
	Add       []string `json:"add"`
	Update    []string `json:"update"`
	Remove    []string `json:"remove"`
	Unchanged int      `json:"unchanged"`
	Other     int      `json:"other"`
}

// makePlan compares a file with what is stored.
func makePlan(file []placed, stored []view.Route, prune bool) (plan, error) {
	var p plan
	have, waiting := map[routes.Key]routes.Route{}, map[routes.Key]view.Route{}
	for _, s := range stored {
		if s.State == string(routes.Removing) {
			continue
		}
		r, err := routes.Parse(routes.Text{Interface: s.Interface, Destination: s.Destination, NextHop: s.NextHop, Metric: int64(s.Metric)})
		if err != nil {
			return p, err
		}
		have[r.Key()] = r
		if s.State != string(routes.Programmed) {
			waiting[r.Key()] = s
		}
	}
	seen := map[routes.Key]string{}
	var updatePlaces []string
	for _, item := range file {
		text := routes.Text{Interface: item.Interface, Destination: item.Destination, NextHop: item.NextHop, Metric: routes.DefaultMetric}
		metric, refusal := item.Metric.Metric()
		if refusal != nil {
			return p, at(item.place, refusal)
		}
		if metric != nil {
			text.Metric = int64(*metric)
		}
		r, err := routes.Parse(text)
		if err != nil {
			return p, at(item.place, err)
		}
		if first, ok := seen[r.Key()]; ok {
			return p, &routes.Error{Reason: routes.BadRequest, Field: "file", Value: item.place, Problem: "the route " + r.Key().String() + " is there already, at " + first, Action: "Keep one of them"}
		}
		seen[r.Key()] = item.place
		old, ok := have[r.Key()]
		switch {
		case !ok:
			p.add, p.places = append(p.add, r), append(p.places, item.place)
		case old.Metric() != r.Metric():
			p.update, updatePlaces = append(p.update, update{old, r}), append(updatePlaces, item.place)
		default:
			p.unchanged++
			if w, ok := waiting[r.Key()]; ok {
				p.waiting = append(p.waiting, w)
			}
		}
	}
	p.places = append(p.places, updatePlaces...)
	for _, s := range stored { // in the service's order
		r, err := routes.Parse(routes.Text{Interface: s.Interface, Destination: s.Destination, NextHop: s.NextHop, Metric: int64(s.Metric)})
		if err != nil || seen[r.Key()] != "" || s.State == string(routes.Removing) {
			continue
		}
		if prune {
			p.remove = append(p.remove, r)
		} else {
			p.other++
		}
	}
	return p, nil
}

// at puts the place in a file before an error's problem.
func at(place string, err error) error {
	e := *routes.AsError(err, routes.BadRequest)
	e.Problem = e.Problem + " (" + place + ")"
	return &e
}

func (p plan) empty() bool { return len(p.add)+len(p.update)+len(p.remove) == 0 }

func (p plan) request() *pb.ApplyRoutesRequest {
	req := &pb.ApplyRoutesRequest{}
	upsert := func(r routes.Route) {
		metric := uint32(r.Metric())
		req.Upserts = append(req.Upserts, &pb.Route{Interface: r.Interface(), Destination: r.Destination().String(), NextHop: r.NextHop().String(), Metric: &metric})
	}
	for _, r := range p.add {
		upsert(r)
	}
	for _, u := range p.update {
		upsert(u.after)
	}
	for _, r := range p.remove {
		req.Removals = append(req.Removals, &pb.RouteSelector{Interface: r.Interface(), Destination: r.Destination().String(), NextHop: r.NextHop().String()})
	}
	return req
}

func (p plan) object() planObject {
	o := planObject{Add: []string{}, Update: []string{}, Remove: []string{}, Unchanged: p.unchanged, Other: p.other}
	for _, r := range p.add {
		o.Add = append(o.Add, r.String())
	}
	for _, u := range p.update {
		o.Update = append(o.Update, fmt.Sprintf("%s -> metric %d", u.before, u.after.Metric()))
	}
	for _, r := range p.remove {
		o.Remove = append(o.Remove, r.String())
	}
	return o
}

// write shows the plan as a diff.
func (p plan) write(w io.Writer, c paint) error {
	for _, part := range []struct {
		sign   string
		lines  []string
		colour func(string) string
	}{{"+", p.object().Add, c.green}, {"~", p.object().Update, c.yellow}, {"-", p.object().Remove, c.red}} {
		for _, line := range part.lines {
			if _, err := fmt.Fprintln(w, part.colour(part.sign+" "+clean(line))); err != nil {
				return err
			}
		}
	}
	text := fmt.Sprintf("%d to add, %d to change, %d to remove, %d unchanged", len(p.add), len(p.update), len(p.remove), p.unchanged)
	if p.other > 0 {
		text += fmt.Sprintf("; %d more stored (--prune removes them)", p.other)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
