package cli

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"github.com/hcsroute/hcsroute/internal/cli/change"
)

// separators are those of CSV files: Excel writes ";" where the comma is the
// decimal point.
const separators = ",;\t"

// isCSV says by the first line whether the text is CSV and not YAML.
func isCSV(text []byte) bool {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.HasPrefix(first, []byte("#TYPE")) || bytes.HasPrefix(bytes.ToLower(first), []byte("sep=")) {
		return true
	}
	return first[0] != '#' && bytes.ContainsAny(first, separators) && bytes.IndexByte(first, ':') < 0
}

// csvHead takes the lines before the header off: "#TYPE ..." as Windows
// PowerShell's Export-Csv writes it, "sep=;" as Excel does. The separator is
// what that says, or what stands first in the header.
func csvHead(data []byte) (rest []byte, separator rune, lines int) {
	rest = data
	for {
		first, after, more := bytes.Cut(rest, []byte("\n"))
		line := strings.TrimSpace(string(first))
		switch {
		case !more:
		case line == "", strings.HasPrefix(line, "#TYPE"):
			rest, lines = after, lines+1
			continue
		case len(line) <= 5 && strings.HasPrefix(strings.ToLower(line), "sep="):
			separator = '\t' // which the trimming took
			if len(line) == 5 {
				separator = rune(line[4])
			}
			rest, lines = after, lines+1
			continue
		}
		if i := strings.IndexAny(line, separators); i >= 0 && separator == 0 {
			separator = rune(line[i])
		}
		return rest, separator, lines
	}
}

// csv reads what export -o csv writes, and what Export-Csv makes of the
// module's objects: columns by name, others are left out.
func (in input) csv() ([]placed, error) {
	data, separator, above := csvHead(in.data)
	if !strings.ContainsRune(separators, separator) {
		return nil, in.bad(above, "columns are separated by , or ; or a tab")
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.TrimLeadingSpace = separator, separator != '\t'
	header, err := r.Read()
	if err != nil {
		return nil, in.bad(above+1, "%v", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		name = columnOf(name)
		if columns[name] != 0 {
			return nil, in.bad(above+1, "the column %s is there twice; the header's columns are %.200q", name, strings.Join(header, ", "))
		}
		if name != "" {
			columns[name] = i + 1
		}
	}
	for _, name := range []string{"interface", "destination", "next_hop"} {
		if columns[name] == 0 {
			return nil, in.bad(above+1, "the header has no column %s; its columns are %.200q", name, strings.Join(header, ", "))
		}
	}
	var out []placed
	for {
		row, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && len(out) == 0:
			return nil, in.none(0)
		case errors.Is(err, io.EOF) && !bytes.HasSuffix(data, []byte("\n")):
			return nil, in.cut()
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, in.badRow(err, above)
		}
		line, _ := r.FieldPos(0)
		item := change.Item{Interface: row[columns["interface"]-1], Destination: row[columns["destination"]-1], NextHop: row[columns["next_hop"]-1]}
		if n := columns["metric"]; n > 0 {
			item.Metric = change.Decimal(strings.TrimSpace(row[n-1]))
		}
		out = append(out, placed{item, in.at(above + line)})
	}
}

// columnOf returns which field of a route a column holds; empty for none.
func columnOf(name string) string {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "interface", "interfacealias":
		return "interface"
	case "destination", "destinationprefix":
		return "destination"
	case "next_hop", "nexthop":
		return "next_hop"
	case "metric", "routemetric":
		return "metric"
	}
	return ""
}

func (in input) badRow(err error, above int) error {
	var bad *csv.ParseError
	if !errors.As(err, &bad) {
		return in.bad(0, "%v", err)
	}
	return in.bad(above+bad.Line, "%v", bad.Err)
}
