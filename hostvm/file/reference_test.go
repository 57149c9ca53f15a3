package file_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm/file"
)

// entry is a table of docs/inventory.md: what stands around an entry in the
// file, the keys that the entry must have, and a key that no entry has.
type entry struct {
	open, end string
	required  map[string]string
}

func (e entry) file(keys ...string) []byte {
	return []byte(e.open + "{" + strings.Join(keys, ", ") + "}" + e.end + "\n")
}

// with is a file with an entry that has what it must, and the one key as given.
func (e entry) with(key, written string) []byte {
	keys := []string{written}
	for k, v := range e.required {
		if k != key {
			keys = append(keys, k+": "+v)
		}
	}
	return e.file(keys...)
}

// known are the keys that the parser lists when it refuses another.
func (e entry) known(t *testing.T) []string {
	t.Helper()
	_, err := file.Parse(e.file("nothing: 1"))
	if err == nil {
		t.Fatal("an unknown key is accepted")
	}
	_, list, ok := strings.Cut(err.Error(), "known here: ")
	if !ok {
		t.Fatalf("the parser does not list its keys: %v", err)
	}
	return strings.Split(list, ", ")
}

// TestReferenceHasEveryKey: docs/inventory.md lists the parser's keys, its
// examples are accepted, and what it calls refused is.
func TestReferenceHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../docs/inventory.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for name, e := range map[string]entry{
		"ports": {"ports: [", "]", map[string]string{"alias": "Port9"}},
		"nodes": {"nodes: [", "]", map[string]string{"name": "k8s-other"}},
		"nics":  {"nodes: [{name: a, nics: [", "]}]", map[string]string{"mac": `"02:15:5d:09:00:09"`, "switch": "vswitch-Port9"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, table, ok := strings.Cut(page, "\n## `"+name+"`\n")
			table, _, _ = strings.Cut(table, "\n## ")
			var listed []string
			for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|.*$").FindAllStringSubmatch(table, -1) {
				listed = append(listed, row[1])
				e.checkRow(t, row[1], strings.Split(strings.Trim(row[0], "|"), "|"))
			}
			if known := e.known(t); !ok || !slices.Equal(listed, known) {
				t.Errorf("the table lists %q, the parser knows %q", listed, known)
			}
		})
	}
	top := entry{}.known(t)
	if want := []string{"ports", "nodes"}; !slices.Equal(top, want) {
		t.Errorf("the file's keys are %q; docs/inventory.md says %q", top, want)
	}
}

// checkRow tries what a row gives as an example, and what it calls refused.
func (e entry) checkRow(t *testing.T, key string, cells []string) {
	t.Helper()
	if len(cells) != 5 || slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) == "" }) {
		t.Errorf("%s: not key, value, what counts without, example, refused: %q", key, cells)
		return
	}
	if required := e.required[key] != ""; required != strings.Contains(cells[2], "(required)") {
		t.Errorf("%s: required is %v, but the page says %q", key, required, cells[2])
	}
	written := regexp.MustCompile("`(" + key + ":[^`]*)`")
	examples, refused := written.FindAllStringSubmatch(cells[3], -1), written.FindAllStringSubmatch(cells[4], -1)
	if len(examples) == 0 {
		t.Errorf("%s has no example", key)
	}
	for _, m := range examples {
		if _, err := file.Parse(e.with(key, m[1])); err != nil {
			t.Errorf("the example %s: %v", m[1], err)
		}
	}
	for _, m := range refused {
		if _, err := file.Parse(e.with(key, m[1])); err == nil {
			t.Errorf("the page says that %s is refused; it is not", m[1])
		}
	}
	if e.required[key] != "" {
		var others []string
		for k, v := range e.required {
			if k != key {
				others = append(others, k+": "+v)
			}
		}
		if _, err := file.Parse(e.file(others...)); err == nil {
			t.Errorf("the page says that %s is required; it is not", key)
		}
	}
}
