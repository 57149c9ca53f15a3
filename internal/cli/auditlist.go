package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// auditPage is how many records are asked for at a time.
const auditPage = 1000

// listAudit writes records page by page: all there are, or as many as limit.
// That there are more is said.
func (a *app) listAudit(ctx context.Context, c *client.Client, req *pb.ListAuditRecordsRequest, limit int) error {
	out := a.auditWriter()
	left := limit
	var more bool
	for {
		req.PageSize = auditPage
		if limit > 0 {
			req.PageSize = int32(min(left, auditPage))
		}
		resp, err := c.Audit.ListAuditRecords(ctx, req)
		if err != nil {
			return err
		}
		list := view.FromRecords(resp.GetRecords())
		left -= len(list)
		if err := out.page(list); err != nil {
			return err
		}
		req.PageToken = resp.GetNextPageToken()
		if more = req.PageToken != ""; !more || limit > 0 && left <= 0 {
			break
		}
	}
	if err := out.end(more); err != nil {
		return err
	}
	if more && !a.structured() {
		_, err := fmt.Fprintf(a.Err, "there are older records than these %d; a higher --limit, or none, shows them\n", limit)
		return err
	}
	return nil
}

// auditWriter writes records in one of the formats.
type auditWriter interface {
	page(list []view.Record) error
	end(more bool) error
}

func (a *app) auditWriter() auditWriter {
	switch a.output {
	case "json":
		return &auditJSON{app: a}
	case "yaml":
		return &auditYAML{app: a}
	case "csv":
		return &auditCSV{out: csv.NewWriter(a.Out)}
	}
	return auditTable{app: a}
}

// auditJSON writes one object without holding all records.
type auditJSON struct {
	app *app
	n   int
}

func (w *auditJSON) page(list []view.Record) error {
	var b strings.Builder
	for _, r := range list {
		data, err := json.MarshalIndent(r, "    ", "  ")
		if err != nil {
			return err
		}
		b.WriteString(map[bool]string{true: "{\n  \"records\": [\n    ", false: ",\n    "}[w.n == 0])
		b.Write(data)
		w.n++
	}
	w.app.written = w.app.written || w.n > 0
	_, err := io.WriteString(w.app.Out, b.String())
	return err
}

func (w *auditJSON) end(more bool) error {
	if w.n == 0 {
		return w.app.object(map[string]any{"records": []view.Record{}, "more": more})
	}
	_, err := fmt.Fprintf(w.app.Out, "\n  ],\n  \"more\": %t\n}\n", more)
	return err
}

// auditYAML holds all records: one document cannot be made piece by piece.
type auditYAML struct {
	app *app
	all []view.Record
}

func (w *auditYAML) page(list []view.Record) error {
	w.all = append(w.all, list...)
	return nil
}

func (w *auditYAML) end(more bool) error {
	return w.app.object(map[string]any{"records": w.all, "more": more})
}

// auditCSV writes a line for each record, each cell flat text.
type auditCSV struct {
	out   *csv.Writer
	begun bool
}

func (w *auditCSV) page(list []view.Record) error {
	if !w.begun {
		w.begun = true
		_ = w.out.Write([]string{
			"sequence", "time", "actor", "certificate", "on_behalf_of", "origin", "action", "revision", "items", "refused",
			"before", "after", "request_id", "note", "damaged", "hash",
		})
	}
	for _, r := range list {
		_ = w.out.Write([]string{
			fmt.Sprint(r.Sequence), r.Time, r.Actor, r.Certificate, r.OnBehalfOf, r.Origin, r.Action, fmt.Sprint(r.Revision), fmt.Sprint(r.Items), fmt.Sprint(r.Refused),
			strings.Join(r.Before, "; "), strings.Join(r.After, "; "), r.RequestID, r.Note, r.Damaged, r.Hash,
		})
	}
	w.out.Flush()
	return w.out.Error()
}

func (w *auditCSV) end(bool) error { return nil }

// auditTable writes a table for each page.
type auditTable struct{ app *app }

func (w auditTable) end(bool) error { return nil }

func (w auditTable) page(list []view.Record) error {
	wide := w.app.output == "wide"
	columns := []column{{title: "TIME"}, {title: "ACTOR", width: 24}, {title: "ACTION", width: 12}, {title: "REVISION", right: true}}
	if wide {
		columns = append(columns, column{title: "SEQUENCE", right: true}, column{title: "ON-BEHALF-OF"}, column{title: "ORIGIN"}, column{title: "CERTIFICATE"}, column{title: "REQUEST-ID"})
	}
	t := w.app.newTable("WHAT", columns...)
	for _, r := range list {
		when := r.Time
		if len(when) > len(time.DateTime) && !wide {
			when = when[:len(time.DateTime)] + "Z" // milliseconds are for wide
		}
		cells := []string{when, r.Actor, r.Action, fmt.Sprint(r.Revision)}
		if wide {
			cells = append(cells, fmt.Sprint(r.Sequence), r.OnBehalfOf, r.Origin, r.Certificate, r.RequestID)
		}
		t.add(cells, what(r)...)
	}
	return t.write(w.app.Out)
}

// what is a record's change: of one route in one line, of several in a line
// for each, as it was and as it is.
func what(r view.Record) []string {
	switch {
	case r.Damaged != "":
		return []string{join("; ", "DAMAGED: "+r.Damaged, r.Note)}
	case len(r.Before) <= 1 && len(r.After) <= 1 && r.Items <= 1:
		return []string{join("; ", strings.Join(append(append([]string{}, r.Before...), r.After...), " -> "), r.Note)}
	}
	count := fmt.Sprintf("%d items", r.Items)
	if r.Refused > 0 {
		count += fmt.Sprintf(", %d refused", r.Refused)
	}
	lines := []string{join("; ", count, r.Note)}
	for _, route := range r.Before {
		lines = append(lines, "- "+route)
	}
	for _, route := range r.After {
		lines = append(lines, "+ "+route)
	}
	return lines
}
