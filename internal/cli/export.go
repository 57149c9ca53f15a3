package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
)

func (a *app) exportCommand() *cobra.Command {
	var f filterFlags
	cmd := &cobra.Command{
		Use:   "export [DESTINATION]...",
		Short: "Write the stored routes as a file that apply and --from read",
		Long: `Writes the stored routes, without their state, in a fixed order: the same
routes always make the same bytes. Routes that are being removed are left out.`,
		Example: "  hcsroute export > routes.yaml\n  hcsroute export -o csv > routes.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := f.proto(cmd, args)
			if err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				l, err := listOne(ctx, c, filter)
				if err != nil {
					return err
				}
				return a.export(l.routes)
			})
		},
		ValidArgsFunction: a.completeDestinations,
	}
	f.add(a, cmd)
	a.outputs(cmd, "yaml", "json", "csv")
	return cmd
}

// exportObject is what export writes; readRoutes reads it. The count stands
// before the list, and what a route cannot do without at its end: so a file that
// is cut, also at the end of a line, is never taken for a whole one.
type exportObject struct {
	Count  int           `json:"count" yaml:"count"`
	Routes []exportRoute `json:"routes" yaml:"routes"`
}

type exportRoute struct {
	Interface   string `json:"interface" yaml:"interface"`
	Destination string `json:"destination" yaml:"destination"`
	Metric      uint32 `json:"metric" yaml:"metric"`
	NextHop     string `json:"next_hop" yaml:"next_hop"`
}

func (a *app) export(list []view.Route) error {
	doc := exportObject{Routes: []exportRoute{}}
	for _, r := range list {
		if r.State == "REMOVING" {
			continue
		}
		doc.Routes = append(doc.Routes, exportRoute{Interface: r.Interface, Destination: r.Destination, NextHop: r.NextHop, Metric: r.Metric})
	}
	doc.Count = len(doc.Routes)
	switch a.output {
	case "json":
		return a.json(doc)
	case "csv":
		return writeCSV(a.Out, doc.Routes)
	}
	if _, err := io.WriteString(a.Out, "# Custom routes. \"hcsroute apply\" makes the device like this file.\n"); err != nil {
		return err
	}
	e := yaml.NewEncoder(a.Out)
	e.SetIndent(2)
	if err := e.Encode(doc); err != nil {
		return err
	}
	return e.Close()
}

func writeCSV(w io.Writer, list []exportRoute) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"interface", "destination", "next_hop", "metric"}); err != nil {
		return err
	}
	for _, r := range list {
		if err := c.Write([]string{r.Interface, r.Destination, r.NextHop, fmt.Sprint(r.Metric)}); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
