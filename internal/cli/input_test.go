package cli_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
)

const (
	yamlRoute  = "- {interface: Port3, destination: 192.168.21.0/24, next_hop: 192.168.20.1}\n"
	jsonRoute  = `{"interface":"Port3","destination":"192.168.21.0/24","next_hop":"192.168.20.1"}`
	csvHeader  = "interface,destination,next_hop,metric\n"
	csvRoute   = "Port3,192.168.21.0/24,192.168.20.1,100\n"
	nothingHas = "only routes: [] means none"
)

func utf16le(text string) string {
	out := []byte("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}

// TestRefusedFiles: what shows that it was cut, or is empty by mistake,
// never counts as the wish that there be no routes.
func TestRefusedFiles(t *testing.T) {
	for name, tc := range map[string]struct{ file, says string }{
		"nothing":                {"", "there is nothing in it"},
		"yaml null":              {"routes:\n", nothingHas},
		"yaml null by name":      {"routes: null\n", nothingHas},
		"yaml empty list":        {"[]\n", nothingHas},
		"yaml comment only":      {"# nothing, yet\n", "there is nothing in it"},
		"yaml ends with a mark":  {yamlRoute + "---\n", nothingHas},
		"yaml second is null":    {"routes:\n" + yamlRoute + "---\nroutes:\n", nothingHas},
		"yaml second is wrong":   {yamlRoute + "---\nhosts: []\n", "expected a list of routes"},
		"yaml cut in a value":    {"- interface: Port3\n  destination: 192.168.21.0/24\n  next_hop: 192.168.20.1\n  metric: 10", "no line end"},
		"yaml cut in a list":     {"routes: [{interface: Port3,\n", "did not find expected"},
		"json null":              {"{\"routes\": null}", nothingHas},
		"json empty list":        {"[]", nothingHas},
		"json cut":               {`{"routes":[` + jsonRoute, "cut"},
		"json null item":         {"[null]", "item 1 is null"},
		"json beside routes":     {`{"routes":[],"more":1}`, "nothing beside it"},
		"json list twice":        {`{"routes":[` + jsonRoute + `],"routes":[]}`, "routes is given twice"},
		"json key twice":         {"[" + jsonRoute + ",\n" + strings.Replace(jsonRoute, "{", `{"metric":1,"metric":2,`, 1) + "]", "standard input:2: metric is given twice"},
		"json key by its code":   {strings.Replace(jsonRoute, "{", `{"metric":1,"metri\u0063":2,`, 1), `a route has no field "metri\\u0063"`},
		"json key in capitals":   {strings.Replace(jsonRoute, "{", `{"metric":1,"Metric":2,`, 1), `a route has no field "Metric"`},
		"json lines key twice":   {jsonRoute + "\n" + strings.Replace(jsonRoute, "{", `{"interface":"Port3",`, 1), "standard input:2: interface is given twice"},
		"yaml list twice":        {"routes:\n" + yamlRoute + "routes: []\n", "standard input:3: routes is given twice"},
		"yaml count twice":       {"count: 1\ncount: 1\nroutes:\n" + yamlRoute, "count is given twice"},
		"yaml more counted":      {"count: 2\nroutes:\n" + yamlRoute, "standard input:1: count says 2, and there is 1 route"},
		"yaml fewer counted":     {"routes:\n" + yamlRoute + yamlRoute + "count: 1\n", "standard input:4: count says 1, and there are 2 routes"},
		"yaml nothing counted":   {"count: 1\nroutes: []\n", "count says 1, and there are 0 routes"},
		"yaml count and no list": {"count: 1\n", "expected a list of routes"},
		"yaml count in octal":    {"count: 01\nroutes:\n" + yamlRoute, "count 01: written with leading zeros"},
		"yaml count null":        {"count:\nroutes:\n" + yamlRoute, "count"},
		"yaml second is short":   {"count: 1\nroutes:\n" + yamlRoute + "---\ncount: 2\nroutes:\n" + yamlRoute, "standard input:5: count says 2"},
		"json more counted":      {`{"count":2,"routes":[` + jsonRoute + `]}`, "count says 2, and there is 1 route"},
		"json count as text":     {`{"count":"1","routes":[` + jsonRoute + `]}`, `count "1": not a decimal number`},
		"json count null":        {`{"count":null,"routes":[` + jsonRoute + `]}`, "count null: not a decimal number"},
		"json count in a route":  {`[{"count":1,` + jsonRoute[1:] + `]`, `a route has no field "count"`},
		"yaml key twice":         {strings.Replace(yamlRoute, "}", ", metric: 1, metric: 2}", 1), `"metric" already defined`},
		"csv column twice":       {"interface,destination,next_hop,metric,metric\nPort3,192.168.21.0/24,192.168.20.1,1,2\n", "column metric is there twice"},
		"csv two names for one":  {"interface,destination,next_hop,metric,RouteMetric\nPort3,192.168.21.0/24,192.168.20.1,1,2\n", "column metric is there twice"},
		"json lines cut":         {jsonRoute + "\n" + jsonRoute[:40], "cut"},
		"json lines null":        {jsonRoute + "\nnull\n", "expected a route"},
		"csv header only":        {csvHeader, nothingHas},
		"csv cut in a value":     {csvHeader + strings.TrimSuffix(csvRoute, "0\n"), "no line end"},
		"csv cut in a row":       {csvHeader + csvRoute + "Port3,192.168.22.0/24\n", "standard input:3: wrong number of fields"},
		"csv without next hop":   {"interface;destination;gateway\nPort3;192.168.21.0/24;192.168.20.1\n", `no column next_hop; its columns are "interface, destination, gateway"`},
		"csv of another kind":    {"sep=|\ninterface|destination|next_hop\n", "separated by , or ; or a tab"},
		"utf-16 cut":             {utf16le(csvHeader + csvRoute)[:61], "cut"},
		"utf-16 without a mark":  {utf16le(csvHeader + csvRoute)[2:], "UTF-16"},
		"another code page":      {csvHeader + "P\xf6rt,192.168.21.0/24,192.168.20.1,100\n", "not UTF-8"},
		"yaml key in a route":    {"- {interface: Port3, destination: 192.168.21.0/24, gateway: 192.168.20.1}\n", "no field"},
		"csv metric with zeros":  {csvHeader + strings.Replace(csvRoute, "100", "0100", 1), "metric 0100: written with leading zeros; write 100"},
		"yaml metric with zeros": {"- {interface: Port3, destination: 192.168.21.0/24, next_hop: 192.168.20.1, metric: 0100}\n", "metric 0100: written with leading zeros"},
		"yaml metric in hex":     {"- {interface: Port3, destination: 192.168.21.0/24, next_hop: 192.168.20.1, metric: 0x64}\n", "metric 0x64: not a decimal number"},
		"yaml metric apart":      {"- {interface: Port3, destination: 192.168.21.0/24, next_hop: 192.168.20.1, metric: 1_000}\n", "metric 1_000: not a decimal number"},
		"yaml metric's sign":     {"- {interface: Port3, destination: 192.168.21.0/24, next_hop: 192.168.20.1, metric: +1}\n", "metric +1: written with a sign"},
		"json metric as a power": {`[{"interface":"Port3","destination":"192.168.21.0/24","next_hop":"192.168.20.1","metric":1e2}]`, "metric 1e2: not a decimal number"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"HCSROUTE_ADDRESS": clitest.Start(t, clitest.Options{}).Address}
			stdout, stderr, code := run(t, tc.file, env, "apply", "-", "--prune", "--yes")
			if code == 0 || stdout != "" || !strings.Contains(stderr, tc.says) {
				t.Errorf("code %d, want %q in %q %q", code, tc.says, stdout, stderr)
			}
		})
	}
}

// TestFilesInManyForms: each is the one route of the test, and applying it
// again changes nothing.
func TestFilesInManyForms(t *testing.T) {
	env := map[string]string{"HCSROUTE_ADDRESS": clitest.Start(t, clitest.Options{}).Address}
	for _, tc := range []struct{ name, file, plan string }{
		{"csv", csvHeader + csvRoute, "1 to add"},
		{"sep and semicolons", "sep=;\r\n" + strings.ReplaceAll(csvHeader+csvRoute, ",", ";"), "0 to remove, 1 unchanged"},
		{"semicolons", strings.ReplaceAll(csvHeader+csvRoute, ",", ";"), "0 to remove, 1 unchanged"},
		{"tabs", strings.ReplaceAll(csvHeader+csvRoute, ",", "\t"), "0 to remove, 1 unchanged"},
		{"sep and tabs", "sep=\t\n" + strings.ReplaceAll(csvHeader+csvRoute, ",", "\t"), "0 to remove, 1 unchanged"},
		{"utf-16", utf16le(csvHeader + csvRoute), "0 to remove, 1 unchanged"},
		{"Windows PowerShell", "\xef\xbb\xbf#TYPE HcsNetRoute.Route\r\n" + `"InterfaceAlias","DestinationPrefix","NextHop","RouteMetric","State"` + "\r\n" + `"Port3","192.168.21.0/24","192.168.20.1","100","Programmed"` + "\r\n", "0 to remove, 1 unchanged"},
		{"utf-16 yaml", utf16le("routes:\n" + strings.Replace(yamlRoute, "}", ", metric: 100}", 1)), "0 to remove, 1 unchanged"},
		{"a comment with commas", "# one, two\n" + strings.Replace(yamlRoute, "}", ", metric: \"100\"}", 1), "0 to remove, 1 unchanged"},
		{"two documents", strings.Replace(yamlRoute, "}", ", metric: 100}", 1) + "---\nroutes:\n" + strings.Replace(yamlRoute, "21", "22", 1), "1 to add, 0 to change, 0 to remove, 1 unchanged"},
		{"json metric as text", `[{"interface":"Port3","destination":"192.168.21.0/24","next_hop":"192.168.20.1","metric":"100"},` + strings.Replace(jsonRoute, "21", "22", 1) + `]`, "0 to remove, 2 unchanged"},
		{"counted yaml", "routes:\n" + yamlRoute + "count: 1\n", "0 to add, 1 to change, 1 to remove"},
		{"counted json", `{"routes":[` + jsonRoute + `],"count":1}` + "\n" + `{"count":1,"routes":[` + strings.Replace(jsonRoute, "21", "22", 1) + `]}`, "1 to add, 0 to change, 0 to remove, 1 unchanged"},
		{"an empty list", "routes: []\n", "2 to remove"},
	} {
		stdout, stderr, code := run(t, tc.file, env, "apply", "-", "--prune", "--yes")
		if code != 0 || !strings.Contains(stdout, tc.plan) {
			t.Errorf("%s: code %d, want %q in %q %q", tc.name, code, tc.plan, stdout, stderr)
		}
	}
}

// TestExportsThatAreCut: wherever what export wrote ends early, also at the end
// of a line, it is refused, or it is whole.
func TestExportsThatAreCut(t *testing.T) {
	env := map[string]string{"HCSROUTE_ADDRESS": clitest.Start(t, clitest.Options{}).Address}
	export := func(format string) string {
		stdout, stderr, code := run(t, "", env, "export", "-o", format)
		if code != 0 {
			t.Fatalf("code %d: %s", code, stderr)
		}
		return stdout
	}
	none := []string{export("yaml"), export("json")}
	for _, metric := range []string{"100", "256"} {
		if _, stderr, code := run(t, "", env, "add", "Port3", "192.168."+metric[:2]+".0/24", "192.168.20.1", "-m", metric); code != 0 {
			t.Fatal(stderr)
		}
	}
	for _, file := range append(none, export("yaml"), export("json")) {
		for n := range len(file) {
			stdout, stderr, code := run(t, file[:n], env, "apply", "-", "--prune", "--dry-run")
			if whole := strings.TrimRight(file, "\n") == file[:n]; code == 0 && !whole {
				t.Fatalf("%q: %s%s", file[:n], stdout, stderr)
			}
		}
	}
}

// TestDecimalsOnTheCommandLine: numbers are digits, whatever the flag.
func TestDecimalsOnTheCommandLine(t *testing.T) {
	t.Chdir(t.TempDir()) // certs would write here
	env := map[string]string{"HCSROUTE_ADDRESS": clitest.Start(t, clitest.Options{}).Address}
	for _, args := range [][]string{
		{"add", "Port3", "192.168.21.0/24", "192.168.20.1", "--metric"}, {"set", "Port3", "192.168.21.0/24", "-m"}, {"get", "--metric"},
		{"set", "Port3", "192.168.21.0/24", "-m", "5", "--expected-revision"}, {"remove", "Port3", "192.168.21.0/24", "--expected-revision"},
		{"wait", "--revision"}, {"audit", "list", "--limit"}, {"certs", "init", "--days"}, {"certs", "issue", "x", "--days"},
	} {
		for value, says := range map[string]string{"010": "leading zeros; write 10", "0x64": "digits only", "1_000": "digits only", "+5": "sign", "-5": "sign", "": "not a number", "99999999999999999999": "larger"} {
			if value == "" && args[0] == "get" {
				continue // an empty list is no filter
			}
			_, stderr, code := run(t, "", env, append(args, value)...)
			if code != 2 && code != 3 || !strings.Contains(stderr, says) || !strings.Contains(stderr, value) {
				t.Errorf("%q %q: code %d %q, want %q", args, value, code, stderr, says)
			}
		}
	}
}

// TestMetricsInJSONLines: a number or its digits; each item is judged by itself.
func TestMetricsInJSONLines(t *testing.T) {
	env := map[string]string{"HCSROUTE_ADDRESS": clitest.Start(t, clitest.Options{}).Address}
	var items []string
	for i, metric := range []string{`100`, `"101"`, `null`, `"0100"`, `"0x64"`, `"1_000"`, `"+1"`, `-1`, `1e2`, `100.0`, `"x"`} {
		items = append(items, fmt.Sprintf(`{"interface":"Port3","destination":"10.%d.0.0/16","next_hop":"192.168.20.1","metric":%s}`, i, metric))
	}
	stdout, _, code := run(t, `{"v":1,"id":"a","op":"add","routes":[`+strings.Join(items, ",")+"]}\n", env, "jsonl")
	if code != 0 || !strings.Contains(stdout, `"counts":{"created":3,"updated":0,"unchanged":0,"removed":0,"refused":8}`) || strings.Count(stdout, `"reason":"METRIC_OUT_OF_RANGE"`) != 8 {
		t.Errorf("code %d: %s", code, stdout)
	}
}

// TestDashes: word processors make dashes of minus signs.
func TestDashes(t *testing.T) {
	for arg, says := range map[string]string{"–metric": "type --metric", "—metric": "type --metric", "−m": "type -m"} {
		_, stderr, code := run(t, "", nil, "add", "Port3", "192.168.21.0/24", "192.168.20.1", arg, "100")
		if code != 2 || !strings.Contains(stderr, arg) || !strings.Contains(stderr, says) {
			t.Errorf("%s: code %d %q", arg, code, stderr)
		}
		if _, stderr, code = run(t, "", nil, "get", arg, "100"); code != 2 || !strings.Contains(stderr, says) {
			t.Errorf("get %s: code %d %q", arg, code, stderr)
		}
	}
}
