package jsonl

import (
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParse: whatever the line is, there is a request with an error, a fatal
// one, or one that is complete.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"v":1,"id":"1","op":"add","routes":[{"interface":"Port3","destination":"192.168.21.0/24","next_hop":"192.168.20.1","metric":1}]}`,
		`{"v":1,"id":"1","op":"get","filter":{"states":["FAILED"]}}`, `{"v":1,"id":"\"\\","op":"info"}`, `{"v":1}`, `[`, `{"a":{"b":[{"c":"]}\""}]}}`, "\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r := parse(line)
		switch {
		case r.fatal && r.err == nil:
			t.Fatal("fatal without an error")
		case r.err != nil:
		case r.V != Version || !utf8.Valid(line) || !json.Valid(line):
			t.Fatalf("accepted: %q", line)
		}
	})
}

// TestFieldsGivenTwice: the JSON decoder would take the last; which of two was
// meant is not known.
func TestFieldsGivenTwice(t *testing.T) {
	const item = `"interface":"Port3","destination":"192.168.21.0/24"`
	for line, field := range map[string]string{
		`{"v":1,"id":"x","op":"remove","all":false,"all":true,"routes":[{` + item + `}]}`:      "all",
		`{"v":1,"id":"x","op":"remove","routes":[{` + item + `}],"routes":[]}`:                 "routes",
		`{"v":1,"id":"x","op":"remove","routes":[{` + item + `},{` + item + `,` + item + `}]}`: "interface",
		`{"v":1,"id":"x","op":"get","filter":{"metrics":[1]},"filter":{}}`:                     "filter",
		`{"v":1,"id":"x","op":"get","filter":{"metrics":[1],"metrics" : []}}`:                  "metrics",
		`{"v":1,"id":"y","id":"x","op":"info"}`:                                                "id",
		`{"v":1,"id":"x","op":"info","op":"info"}`:                                             "op",
		`{"v":1,"v":1,"id":"x","op":"info"}`:                                                   "v",
	} {
		if r := parse([]byte(line)); r.ID != "x" || r.err == nil || r.err.Field != field || r.err.Problem != "given twice" {
			t.Errorf("%s: %+v, error %v", line, r, r.err)
		}
	}
	for _, line := range []string{
		`{"v":1,"id":"id","op":"remove","routes":[{` + item + `},{` + item + `}]}`,
		`{"v":1,"id":"\"id\":","op":"get","filter":{"states":["FAILED","FAILED"]}}`,
	} {
		if r := parse([]byte(line)); r.err != nil {
			t.Errorf("%s: refused: %v", line, r.err)
		}
	}
}

// FuzzASCII: a line is the same JSON before and after, and pure ASCII after.
func FuzzASCII(f *testing.F) {
	f.Add("Jürgen 王 🚀 \u2028 \x7f")
	f.Fuzz(func(t *testing.T, s string) {
		line, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		out := ascii(line)
		for _, b := range out {
			if b >= 0x7f {
				t.Fatalf("not ASCII: %q", out)
			}
		}
		var before, after string
		if json.Unmarshal(line, &before) != nil || json.Unmarshal(out, &after) != nil || before != after {
			t.Fatalf("%q became %q", before, after)
		}
	})
}

// TestBudget: waiting in vain is charged, waiting that ended well is not.
func TestBudget(t *testing.T) {
	var b budget
	for _, step := range []struct {
		took         time.Duration
		acknowledged bool
		left         time.Duration
	}{
		{3 * time.Second, true, 10 * time.Second},
		{4 * time.Second, false, 6 * time.Second},
		{9 * time.Second, true, 6 * time.Second},
		{7 * time.Second, false, 0},
	} {
		b.charge(step.took, step.acknowledged)
		if got := b.left(10 * time.Second); got != step.left {
			t.Errorf("after %v: %s left, want %s", step, got, step.left)
		}
	}
}
