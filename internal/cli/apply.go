package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// applyObject is the object of apply.
type applyObject struct {
	Plan         planObject     `json:"plan"`
	Applied      bool           `json:"applied"`
	Warnings     []view.Warning `json:"warnings,omitempty"`
	Errors       []view.Error   `json:"errors,omitempty"`
	Acknowledged bool           `json:"acknowledged"`
	DryRun       bool           `json:"dry_run,omitempty"`
	Replayed     bool           `json:"replayed,omitempty"`
	Revision     uint64         `json:"revision"`
}

func (a *app) applyCommand() *cobra.Command {
	var w writeFlags
	var prune, yes bool
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Make the stored routes like a file",
		Long: `Shows what would change, asks, and changes all of it or nothing. Routes that the
file lacks stay, unless --prune removes them. The file is what export writes;
- is standard input. When the routes change between showing and applying,
nothing is applied.`,
		Example: "  hcsroute export > routes.yaml\n  hcsroute apply routes.yaml --dry-run\n  hcsroute apply routes.yaml --prune --yes",
		Args:    oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := a.readRoutes(args[0])
			if err != nil {
				return err
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			return a.apply(cmd.Context(), applying{client: c, flags: &w, file: file, prune: prune, yes: yes})
		},
	}
	w.add(cmd)
	cmd.Flags().BoolVar(&prune, "prune", false, "remove stored routes that the file lacks")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

type applying struct {
	client     *client.Client
	flags      *writeFlags
	file       []placed
	prune, yes bool
}

func (a *app) apply(ctx context.Context, ap applying) error {
	o, err := ap.flags.options(ap.client)
	if err != nil {
		return err
	}
	reading, cancel := context.WithTimeout(ctx, client.CallTimeout)
	defer cancel()
	stored, err := listOne(reading, ap.client, nil)
	if err != nil {
		return ap.client.Explain(err)
	}
	p, err := makePlan(ap.file, stored.routes, ap.prune)
	if err != nil {
		return err
	}
	out := applyObject{Plan: p.object(), Acknowledged: true, DryRun: o.ValidateOnly, Revision: stored.revision}
	if !a.structured() {
		if err := p.write(a.Out, a.paint(a.Out)); err != nil {
			return err
		}
	}
	if p.empty() {
		if err := out.await(ctx, o, p.waiting); err != nil {
			return err
		}
		return a.applied(out)
	}
	if !o.ValidateOnly {
		if err := a.confirm(ap.yes, "apply this?"); err != nil {
			return err
		}
	}
	req := p.request()
	req.ExpectedRevision, req.ValidateOnly, req.OnBehalfOf = stored.revision, o.ValidateOnly, o.OnBehalfOf
	req.Acknowledgement, req.Timeout = o.Wait, durationpb.New(max(o.Timeout, 1))
	if req.RequestId = o.RequestID; req.RequestId == "" && !o.ValidateOnly {
		req.RequestId = uuid.NewString()
	}
	calling, cancelCall := context.WithTimeout(ctx, client.CallTimeout+o.Timeout)
	defer cancelCall()
	begun := time.Now()
	resp, err := ap.client.Routes.ApplyRoutes(calling, req)
	o.Timeout -= time.Since(begun)
	if err != nil {
		return ap.client.Explain(err)
	}
	out.Revision, out.Applied, out.Replayed = resp.GetRevision(), resp.GetCommitted(), resp.GetReplayed()
	out.Acknowledged = resp.GetAcknowledged() || o.ValidateOnly || o.Wait == pb.Acknowledgement_ACKNOWLEDGEMENT_STORED
	out.Warnings = view.FromWarnings(resp.GetWarnings())
	for i, item := range resp.GetUpserts() {
		out.collect(item, p.places[i])
	}
	for _, item := range resp.GetRemovals() {
		out.collect(item, "")
	}
	if out.Applied {
		if err := out.await(ctx, o, p.waiting); err != nil {
			return err
		}
	}
	return a.applied(out)
}

// await waits for the routes of the file that are stored as they are to be,
// but were not programmed: they count like those that change.
func (o *applyObject) await(ctx context.Context, opts change.Options, waiting []view.Route) error {
	if len(waiting) == 0 || opts.ValidateOnly || opts.Wait != pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED {
		return nil
	}
	acknowledged, warnings, err := change.Await(ctx, opts, o.Revision, waiting)
	o.Acknowledged = o.Acknowledged && acknowledged
	for _, w := range warnings {
		if !slices.ContainsFunc(o.Warnings, func(have view.Warning) bool { return have.Code == w.Code && have.Message == w.Message }) {
			o.Warnings = append(o.Warnings, w)
		}
	}
	return err
}

func (o *applyObject) collect(item *pb.ItemResult, place string) {
	o.Warnings = append(o.Warnings, view.FromWarnings(item.GetWarnings())...)
	if item.GetError() == nil {
		return
	}
	e := publicapi.FromError(item.GetError())
	if place != "" {
		e.Problem += " (" + place + ")"
	}
	o.Errors = append(o.Errors, view.FromError(e))
}

// applied shows what was done and returns the exit code.
func (a *app) applied(o applyObject) error {
	if a.structured() {
		if err := a.object(o); err != nil {
			return err
		}
	} else {
		a.warnings(o.Warnings)
		for _, e := range o.Errors {
			a.printError(&routes.Error{Reason: routes.Reason(e.Reason), Field: e.Field, Value: e.Value, Problem: e.Problem, Action: e.Remedy, Related: e.Related})
		}
		switch {
		case len(o.Errors) > 0:
			fmt.Fprintln(a.Err, "nothing was changed")
		case o.DryRun:
			fmt.Fprintln(a.Err, "dry run: nothing was changed")
		case o.Applied:
			fmt.Fprintf(a.Out, "applied, revision %d\n", o.Revision)
		}
	}
	switch {
	case len(o.Errors) > 0:
		return exitCode(o.Errors[0].Exit)
	case !o.Acknowledged:
		return exitCode(routes.ExitNotProgrammed)
	}
	return nil
}
