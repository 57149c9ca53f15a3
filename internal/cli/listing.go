package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	// listTries is how often a list is read whose routes change meanwhile.
	listTries = 3
	// listPause is before the second try; each further one waits twice as long.
	// Who makes many changes is often done by then.
	listPause = 200 * time.Millisecond
)

// listing is a list of routes. Where they changed while they were read, it is of
// no one revision: revision is that of its beginning.
type listing struct {
	routes   []view.Route
	revision uint64
	changed  bool
}

// listOne reads all pages as they were at one revision, or refuses: a plan made
// from two revisions, or a file of both, is of routes that never were.
func listOne(ctx context.Context, c *client.Client, f *pb.RouteFilter) (listing, error) {
	l, err := listRoutes(ctx, c, f, true)
	if err == nil && l.changed {
		err = &routes.Error{
			Reason: routes.RevisionMismatch, Field: "routes", Action: "Repeat the command when fewer changes come in",
			Problem: fmt.Sprintf("they changed while they were read, %d times in a row", listTries),
		}
	}
	return l, err
}

// listRoutes reads all pages, and again from the first where routes changed
// meanwhile. The last try goes to the end in any case, for those to whom a list
// that is not of one revision is better than none.
func listRoutes(ctx context.Context, c *client.Client, f *pb.RouteFilter, summary bool) (listing, error) {
	pause := listPause
	for try := 1; ; try++ {
		l, err := readPages(ctx, c, &pb.ListRoutesRequest{Filter: f, Summary: summary, PageSize: 5000}, try == listTries)
		if err != nil || !l.changed || try == listTries {
			return l, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done(): // the next call says so
		}
		pause *= 2
	}
}

func readPages(ctx context.Context, c *client.Client, req *pb.ListRoutesRequest, toEnd bool) (listing, error) {
	l := listing{routes: []view.Route{}}
	for {
		resp, err := c.Routes.ListRoutes(ctx, req)
		if err != nil {
			return listing{}, err
		}
		if req.PageToken == "" {
			l.revision = resp.GetRevision()
		}
		l.changed = l.changed || resp.GetRevision() != l.revision || resp.GetEndRevision() != l.revision
		l.routes = append(l.routes, view.FromRoutes(resp.GetRoutes())...)
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" || l.changed && !toEnd {
			return l, nil
		}
	}
}
