package jsonl

import (
	"context"
	"strings"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// proto converts a filter; its words are checked here, its values by the service.
func (f *filter) proto() (*pb.RouteFilter, *routes.Error) {
	if f == nil {
		return nil, nil
	}
	p := &pb.RouteFilter{Interfaces: f.Interfaces, Destinations: f.Destinations, NextHops: f.NextHops, Codes: f.Codes}
	var ok bool
	if p.AddressFamily, ok = view.ParseFamily(f.AddressFamily); !ok {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "address_family", Value: clip(f.AddressFamily), Problem: "neither IPv4 nor IPv6"}
	}
	for _, text := range f.Metrics {
		metric, err := text.Metric()
		if err != nil {
			return nil, err
		}
		if metric == nil { // left out, it would widen the filter
			return nil, &routes.Error{Reason: routes.BadRequest, Field: "metrics", Problem: "a metric of the list is empty"}
		}
		p.Metrics = append(p.Metrics, *metric)
	}
	for _, word := range f.States {
		if refusal := view.AddStatus(p, word); refusal != nil {
			refusal.Field, refusal.Value = "states", clip(word)
			return nil, refusal
		}
	}
	return p, nil
}

func (s *session) get(ctx context.Context, r *request) error {
	ctx, cancel := context.WithTimeout(ctx, client.CallTimeout)
	defer cancel()
	f, _ := r.Filter.proto()
	req := &pb.ListRoutesRequest{Filter: f}
	done := doneLine{head: r.head("done"), Acknowledged: true}
	for {
		resp, err := s.Client.Routes.ListRoutes(ctx, req)
		if err != nil {
			return s.failed(ctx, r, err)
		}
		if req.PageToken == "" {
			done.Revision = resp.GetRevision()
		}
		done.Changed = done.Changed || resp.GetRevision() != done.Revision || resp.GetEndRevision() != done.Revision
		list := view.FromRoutes(resp.GetRoutes())
		for len(list) > 0 {
			n := min(maxChunk, len(list))
			if err := s.write(routesLine{r.head("routes"), list[:n]}); err != nil {
				return err
			}
			list = list[n:]
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	return s.end(r, done)
}

func (s *session) audit(ctx context.Context, r *request) error {
	since, err := view.ParseTime(r.Since)
	if err != nil {
		return s.refuse(r, &routes.Error{Reason: routes.BadRequest, Field: "since", Value: clip(r.Since), Problem: "not a time such as 2026-01-31T23:59:00Z"}, false)
	}
	until, err := view.ParseTime(r.Until)
	if err != nil {
		return s.refuse(r, &routes.Error{Reason: routes.BadRequest, Field: "until", Value: clip(r.Until), Problem: "not a time such as 2026-01-31T23:59:00Z"}, false)
	}
	req := &pb.ListAuditRecordsRequest{Since: since, Until: until, Destination: r.Destination, Actor: r.Actor}
	for left := r.Limit; ; {
		req.PageSize = maxChunk
		if r.Limit > 0 {
			req.PageSize = int32(min(left, maxChunk))
		}
		resp, err := s.auditPage(ctx, req)
		if err != nil {
			return s.failed(ctx, r, err)
		}
		if list := view.FromRecords(resp.GetRecords()); len(list) > 0 {
			left -= len(list)
			if err := s.write(auditLine{r.head("audit"), list}); err != nil {
				return err
			}
		}
		req.PageToken = resp.GetNextPageToken()
		if more := req.PageToken != ""; !more || r.Limit > 0 && left <= 0 {
			return s.write(doneLine{head: r.head("done"), Acknowledged: true, More: more})
		}
	}
}

// auditPage reads a page; each has the time of a call.
func (s *session) auditPage(ctx context.Context, req *pb.ListAuditRecordsRequest) (*pb.ListAuditRecordsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, client.CallTimeout)
	defer cancel()
	return s.Client.Audit.ListAuditRecords(ctx, req)
}

func (s *session) find(ctx context.Context, r *request) error {
	ctx, cancel := context.WithTimeout(ctx, client.CallTimeout)
	defer cancel()
	resp, err := s.Client.Routes.ExplainRoute(ctx, &pb.ExplainRouteRequest{Address: r.Address, Nodes: r.Nodes})
	if err != nil {
		return s.failed(ctx, r, err)
	}
	if err := s.write(pathsLine{r.head("paths"), view.FromPaths(resp.GetPaths())}); err != nil {
		return err
	}
	return s.done(r, 0)
}

func (s *session) interfaces(ctx context.Context, r *request) error {
	ctx, cancel := context.WithTimeout(ctx, client.CallTimeout)
	defer cancel()
	resp, err := s.Client.Inventory.ListInterfaces(ctx, &pb.ListInterfacesRequest{})
	if err != nil {
		return s.failed(ctx, r, err)
	}
	if err := s.write(interfacesLine{r.head("interfaces"), view.FromInterfaces(resp.GetInterfaces())}); err != nil {
		return err
	}
	return s.done(r, 0)
}

func (s *session) nodes(ctx context.Context, r *request) error {
	ctx, cancel := context.WithTimeout(ctx, client.CallTimeout)
	defer cancel()
	resp, err := s.Client.Inventory.ListNodes(ctx, &pb.ListNodesRequest{})
	if err != nil {
		return s.failed(ctx, r, err)
	}
	if err := s.write(nodesLine{r.head("nodes"), view.FromNodes(resp.GetNodes()), resp.GetRevision()}); err != nil {
		return err
	}
	return s.done(r, resp.GetRevision())
}

func (s *session) info(ctx context.Context, r *request) error {
	ctx, cancel := context.WithTimeout(ctx, client.CallTimeout)
	defer cancel()
	resp, err := s.Client.Maintenance.GetServiceInfo(ctx, &pb.GetServiceInfoRequest{})
	if err != nil {
		return s.failed(ctx, r, err)
	}
	if err := s.write(infoLine{r.head("info"), view.FromInfo(resp)}); err != nil {
		return err
	}
	return s.done(r, resp.GetRevision())
}

// clip keeps a message short, whatever the input was.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "..."
	}
	return s
}
