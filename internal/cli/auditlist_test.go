package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/view"
)

func auditPages() [][]view.Record {
	batch := view.Record{Sequence: 3, Time: "2026-01-02T03:04:05.678Z", Actor: "cn:ann", Action: "apply", Items: 4, Refused: 1, Before: []string{"a"}, After: []string{"b", "c, d"}}
	return [][]view.Record{
		{batch, {Sequence: 2, Action: "add", Items: 1, Damaged: "the checksum is wrong"}},
		{{Sequence: 1, Action: "set", Items: 1, Before: []string{"x"}, After: []string{"y"}}},
	}
}

func auditAs(t *testing.T, format string, more bool) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{Streams: Streams{Out: &out, Getenv: func(string) string { return "" }}, output: format}
	w := a.auditWriter()
	for _, page := range auditPages() {
		if err := w.page(page); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.end(more); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestAuditFormats: all of a batch is there, a damaged record is shown as such,
// and several pages are one answer.
func TestAuditFormats(t *testing.T) {
	table := auditAs(t, "table", false)
	for _, want := range []string{"4 items, 1 refused; - a; + b; + c, d\n", "DAMAGED: the checksum is wrong", "x -> y"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	var object struct {
		Records []view.Record
		More    bool
	}
	if err := json.Unmarshal([]byte(auditAs(t, "json", true)), &object); err != nil || len(object.Records) != 3 || !object.More || len(object.Records[0].After) != 2 {
		t.Errorf("%+v %v", object, err)
	}
	rows, err := csv.NewReader(strings.NewReader(auditAs(t, "csv", false))).ReadAll()
	if err != nil || len(rows) != 4 || rows[1][11] != "b; c, d" || rows[2][14] != "the checksum is wrong" {
		t.Errorf("%q %v", rows, err)
	}
	if yaml := auditAs(t, "yaml", true); !strings.Contains(yaml, "more: true") || strings.Count(yaml, "sequence:") != 3 {
		t.Error(yaml)
	}
}
