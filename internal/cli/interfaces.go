package cli

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

func (a *app) interfacesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "interfaces",
		Aliases: []string{"ports"},
		Short:   "Show the device's ports and whether they take routes",
		Args:    noneBut(routesOf),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				resp, err := c.Inventory.ListInterfaces(ctx, &pb.ListInterfacesRequest{})
				if err != nil {
					return err
				}
				list := view.FromInterfaces(resp.GetInterfaces())
				if a.structured() {
					return a.object(map[string]any{"interfaces": list})
				}
				return a.showInterfaces(list)
			})
		},
	}
	a.outputs(cmd, routeFormats()...)
	return cmd
}

func (a *app) showInterfaces(list []view.Interface) error {
	if a.output == "name" {
		for _, i := range list {
			if _, err := fmt.Fprintln(a.Out, clean(i.Alias)); err != nil {
				return err
			}
		}
		return nil
	}
	wide := a.output == "wide"
	columns := []column{
		{title: "INTERFACE", width: 12}, {title: "LINK"}, {title: "ADDRESSES", width: 18, list: true}, {title: "ROUTES", right: true}, {title: "ELIGIBLE", colour: yesNo},
	}
	if wide {
		columns = append(columns, column{title: "ADDRESSING"}, column{title: "MAC"}, column{title: "ROLE"}, column{title: "SWITCH"}, column{title: "CARRIER"}, column{title: "TEAM"})
	}
	t := a.newTable("WHY", columns...)
	for _, i := range list {
		addresses := i.Addresses
		if !wide {
			addresses = routable(addresses)
		}
		cells := []string{i.Alias, linkWord(i.Up), strings.Join(addresses, ","), fmt.Sprint(i.Routes), word(i.Eligible, "yes", "no")}
		if wide {
			cells = append(cells, i.Addressing, i.MAC, i.Role, i.Switch, i.Carrier, i.Team)
		}
		// The row has the port's name already.
		message := strings.TrimPrefix(i.Message, "interface "+i.Alias+": ")
		t.add(cells, join(": ", i.Reason, message))
	}
	return t.write(a.Out)
}

// routable leaves out link-local addresses, which say nothing about the port.
func routable(addresses []string) []string {
	var list []string
	for _, text := range addresses {
		if p, err := netip.ParsePrefix(text); err == nil && !p.Addr().IsLinkLocalUnicast() {
			list = append(list, text)
		}
	}
	return list
}

func yesNo(p paint, text string, _ bool) string {
	if text == "yes" {
		return p.green(text)
	}
	return p.red(text)
}

// linkWord is what is known of a link.
func linkWord(up *bool) string {
	if up == nil {
		return "unknown"
	}
	return word(*up, "up", "down")
}

func word(v bool, yes, no string) string {
	if v {
		return yes
	}
	return no
}

// join joins the parts that are not empty.
func join(separator string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, separator)
}
