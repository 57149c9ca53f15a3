package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// completeTimeout keeps a shell from hanging on a service that does not answer.
const completeTimeout = time.Second

// complete asks the service for words; without an answer there are none.
func (a *app) complete(cmd *cobra.Command, typed string, ask func(context.Context, *client.Client) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	c, err := a.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
	defer cancel()
	words, err := ask(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, w := range words {
		if strings.HasPrefix(strings.ToLower(w), strings.ToLower(typed)) {
			out = append(out, w)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completePorts offers ports; those that take no routes say why.
func (a *app) completePorts(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, typed, func(ctx context.Context, c *client.Client) ([]string, error) {
		resp, err := c.Inventory.ListInterfaces(ctx, &pb.ListInterfacesRequest{})
		var words []string
		for _, p := range resp.GetInterfaces() {
			about := strings.Join(p.GetAddresses(), " ")
			if !p.GetEligible() {
				about = "takes no routes: " + p.GetMessage()
			}
			words = append(words, p.GetAlias()+"\t"+about)
		}
		return words, err
	})
}

// completeStatus offers states and codes for the last word of a list, in small
// letters to who types those.
func completeStatus(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before, last := "", typed
	if i := strings.LastIndexByte(typed, ','); i >= 0 {
		before, last = typed[:i+1], typed[i+1:]
	}
	var out []string
	for _, s := range view.StatusWords() {
		word := s.Word
		if !strings.HasPrefix(word, strings.ToUpper(last)) {
			continue
		}
		if last != strings.ToUpper(last) {
			word = strings.ToLower(word)
		}
		out = append(out, before+word+"\t"+s.Meaning)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeNodes(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, typed, func(ctx context.Context, c *client.Client) ([]string, error) {
		resp, err := c.Inventory.ListNodes(ctx, &pb.ListNodesRequest{})
		var words []string
		for _, n := range resp.GetNodes() {
			words = append(words, n.GetName()+"\t"+n.GetRole())
		}
		return words, err
	})
}

func (a *app) completeDestinations(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.completeRoutes(cmd, nil, typed, func(r *pb.Route) string {
		return r.GetDestination() + "\tvia " + r.GetNextHop() + " on " + r.GetInterface()
	})
}

// completeRoute offers the parts of stored routes in the order of the
// positional arguments: interface, destination, next hop.
func (a *app) completeRoute(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.completePorts(cmd, args, typed)
	case 1:
		return a.completeRoutes(cmd, &pb.RouteFilter{Interfaces: args[:1]}, typed, (*pb.Route).GetDestination)
	case 2:
		return a.completeRoutes(cmd, &pb.RouteFilter{Interfaces: args[:1], Destinations: args[1:2]}, typed, (*pb.Route).GetNextHop)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeNew offers ports, and next hops that stored routes on the port use.
func (a *app) completeNew(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.completePorts(cmd, args, typed)
	case 2:
		return a.completeRoutes(cmd, &pb.RouteFilter{Interfaces: args[:1]}, typed, (*pb.Route).GetNextHop)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeRoutes(cmd *cobra.Command, f *pb.RouteFilter, typed string, word func(*pb.Route) string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, typed, func(ctx context.Context, c *client.Client) ([]string, error) {
		resp, err := c.Routes.ListRoutes(ctx, &pb.ListRoutesRequest{Filter: f, Summary: true})
		var words []string
		seen := map[string]bool{}
		for _, r := range resp.GetRoutes() {
			if w := word(r); !seen[w] {
				seen[w] = true
				words = append(words, w)
			}
		}
		return words, err
	})
}
