package jsonkeys

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func names(depth int) string {
	if depth == 1 {
		return " a routes "
	}
	return " a b "
}

// tokens is Check by the decoder's own tokens.
func tokens(d *json.Decoder) *Fault {
	type level struct {
		object, key bool // key: a name is next
		seen        map[string]bool
	}
	var open []level
	for {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		var in *level
		if len(open) > 0 {
			in = &open[len(open)-1]
		}
		if delim, ok := token.(json.Delim); ok && strings.ContainsRune("}]", rune(delim)) {
			open = open[:len(open)-1]
			continue
		}
		if in != nil && in.object {
			if in.key {
				name := token.(string)
				if !strings.Contains(names(len(open)), " "+name+" ") || in.seen[name] {
					return &Fault{Name: name, Twice: in.seen[name], Depth: len(open)}
				}
				in.seen[name] = true
			}
			in.key = !in.key
		}
		if delim, ok := token.(json.Delim); ok {
			open = append(open, level{delim == '{', true, map[string]bool{}})
		}
	}
}

// TestEscapes: those in values end no string, those in names make another name.
func TestEscapes(t *testing.T) {
	for value, want := range map[string]string{
		`{"a":"\"b\":","routes":"\\"}`: "", `{"a":"\\","a":""}`: "a", `{"\u0061":1}`: `\u0061`, `{"a\"":1}`: `a\"`,
	} {
		got := ""
		if fault := Check([]byte(value), names); fault != nil {
			got = fault.Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

// FuzzCheck: names are found as the decoder finds them, and never in values.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		`{"a":1}`, `{"a":1,"a":2}`, `{"routes":[{"a":1},{"a":2}]}`, `{"routes":[{"b":{"a":[]},"b":1}]}`, `{"a" : "a:","routes" : ["a",":"],"routes":{}}`,
		`[{"a":{"a":{"a":1}},"b":"a"},{"c":0}]`, `"a"`, `[]`, `{"a":[{"b":1,"b":2}]}`, `{"":1}`, `{"routes":{"a":[],"b":[],"a":1}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if !json.Valid(value) || !utf8.Valid(value) || bytes.IndexByte(value, '\\') >= 0 {
			return // see TestEscapes
		}
		got, want := Check(value, names), tokens(json.NewDecoder(bytes.NewReader(value)))
		switch {
		case (got == nil) != (want == nil):
			t.Fatalf("%s: %+v, the decoder says %+v", value, got, want)
		case got == nil:
		case got.Name != want.Name || got.Twice != want.Twice || got.Depth != want.Depth || !bytes.HasPrefix(value[got.Offset:], []byte(got.Name)):
			t.Fatalf("%s: %+v, the decoder says %+v", value, got, want)
		}
	})
}
