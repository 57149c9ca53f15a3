package cli

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// bulkChunk is how many routes of a file go into one transaction: few enough
// to show progress, many enough to be fast.
const bulkChunk = 2000

// bulkShown is up to how many routes a change lists, rather than counts.
const bulkShown = 50

// operation is an add, set or remove as the command line gives it.
type operation struct {
	flags                *writeFlags
	carry                func(context.Context, change.Options, []change.Item) (change.Result, error)
	items                []placed
	from                 string // a file of items
	force, all, ifExists bool
}

// changeObject is the object of add, set and remove.
type changeObject struct {
	Routes       []view.Route   `json:"routes"`
	Warnings     []view.Warning `json:"warnings,omitempty"`
	Errors       []view.Error   `json:"errors,omitempty"`
	Counts       view.Counts    `json:"counts"`
	Acknowledged bool           `json:"acknowledged"`
	DryRun       bool           `json:"dry_run,omitempty"`
	Replayed     bool           `json:"replayed,omitempty"`
	Revision     uint64         `json:"revision"`
}

// carry carries an operation out and shows what it did.
func (a *app) carry(ctx context.Context, op operation) error {
	if op.from != "" {
		var err error
		if op.items, err = a.readRoutes(op.from); err != nil {
			return err
		}
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	o, err := op.flags.options(c)
	if err != nil {
		return err
	}
	o.Force, o.All, o.IfExists = op.force, op.all, op.ifExists
	res, err := a.chunks(ctx, op, o)
	if err != nil {
		return err
	}
	return a.changed(op, res)
}

// chunks carries out a long list in several transactions and waits once, at the end.
func (a *app) chunks(ctx context.Context, op operation, o change.Options) (change.Result, error) {
	items := make([]change.Item, len(op.items))
	for i, p := range op.items {
		items[i] = p.Item
	}
	if len(items) <= bulkChunk {
		return op.carry(ctx, o, items)
	}
	wait := o.Wait == pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED && !o.ValidateOnly
	o.Wait = pb.Acknowledgement_ACKNOWLEDGEMENT_STORED
	progress := a.progress(len(items))
	defer progress.clear()
	all, id := change.Result{Acknowledged: true}, o.RequestID
	for part := 0; len(items) > 0; part++ {
		if id != "" && part > 0 {
			o.RequestID = uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "%s#%d", id, part)).String()
		}
		n := min(bulkChunk, len(items))
		res, err := op.carry(ctx, o, items[:n])
		if err != nil {
			if len(all.Items) > 0 {
				progress.clear()
				fmt.Fprintf(a.Err, "%d routes were carried out before this:\n", len(all.Items))
			}
			return all, err
		}
		all.Add(res)
		items = items[n:]
		progress.show(len(all.Items), "stored")
	}
	if !wait {
		return all, nil
	}
	progress.show(len(all.Items), "waiting for the nodes")
	return all, all.Await(ctx, o)
}

// changed shows a result and returns the exit code: the first refusal's, or
// that of "stored but not programmed".
func (a *app) changed(op operation, res change.Result) error {
	out := changeObject{Routes: []view.Route{}, Warnings: res.Warnings, Acknowledged: res.Acknowledged, DryRun: op.flags.dryRun, Replayed: res.Replayed, Revision: res.Revision}
	code := routes.ExitOK
	var refused []*routes.Error
	var places []string
	var warnings []view.Warning
	for i, item := range res.Items {
		out.Counts.Add(item.Outcome, max(len(item.Routes), 1))
		if item.Err != nil {
			e := view.FromError(item.Err)
			e.Index = &i
			out.Errors = append(out.Errors, e)
			refused, places = append(refused, item.Err), append(places, op.items[i].place)
			continue
		}
		out.Routes = append(out.Routes, item.Routes...)
		warnings = append(warnings, item.Warnings...)
	}
	if len(refused) > 0 {
		info, _ := refused[0].Reason.Info()
		code = info.Exit
	} else if !res.Acknowledged {
		code = routes.ExitNotProgrammed
	}
	if len(op.items) == 1 && len(refused) == 1 {
		return refused[0]
	}
	if err := a.showChange(op, out); err != nil {
		return err
	}
	if !a.structured() {
		a.warnings(append(warnings, res.Warnings...))
		for i, e := range refused {
			a.printErrorAt(places[i], e)
		}
	}
	if code != routes.ExitOK {
		return exitCode(code)
	}
	return nil
}

func (a *app) showChange(op operation, out changeObject) error {
	if a.structured() {
		return a.object(out)
	}
	if out.Replayed && op.flags.requestID != "" { // else the repetition was this program's own
		a.note("", "repeated:", "this request id was carried out before, so nothing was done now; the routes are shown as they are now")
	}
	if a.output == "table" && len(op.items) == 1 && !op.flags.dryRun {
		if len(out.Routes) == 0 {
			fmt.Fprintln(a.Err, "nothing to remove")
		}
		return a.tellRoutes(out.Routes)
	}
	if a.output == "name" || a.output == "wide" || len(op.items) <= bulkShown {
		show := func() error { return a.showRoutes(out.Routes, true) }
		if op.flags.dryRun && a.output != "name" {
			show = func() error { return a.showEffects(out.Routes) }
		}
		if err := show(); err != nil {
			return err
		}
	}
	if op.flags.dryRun && a.output != "name" {
		fmt.Fprintln(a.Err, "dry run: nothing was changed")
	}
	if len(op.items) > 1 && a.output != "name" {
		c := out.Counts
		_, err := fmt.Fprintf(a.Out, "%d created, %d updated, %d unchanged, %d removed, %d refused\n", c.Created, c.Updated, c.Unchanged, c.Removed, c.Refused)
		return err
	}
	return nil
}

// warnings writes each warning once, however many routes it is about.
func (a *app) warnings(list []view.Warning) {
	seen := map[string]bool{}
	for _, w := range list {
		if key := w.Code + w.Message; !seen[key] {
			seen[key] = true
			a.warn(w)
		}
	}
}
