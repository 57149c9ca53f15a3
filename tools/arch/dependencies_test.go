package arch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// directRequirements reads the modules that a go.mod requires directly.
func directRequirements(mod string) (modules []string) {
	block := false
	for line := range strings.Lines(mod) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case block && words[0] == ")":
			block = false
		case len(words) == 2 && words[0] == "require" && words[1] == "(":
			block = true
		case strings.HasSuffix(strings.TrimSpace(line), "// indirect"):
		case block:
			modules = append(modules, words[0])
		case words[0] == "require" && len(words) > 1:
			modules = append(modules, words[1])
		}
	}
	slices.Sort(modules)
	return modules
}

// listed reads the modules of the tables of docs/dependencies.md; each row has
// a purpose and a licence.
func listed(t *testing.T, doc string) (modules []string) {
	for line := range strings.Lines(doc) {
		name, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.TrimSpace(cells[1]) == "" || strings.TrimSpace(cells[2]) == "" {
			t.Errorf("a row without module, purpose and licence: %q", line)
		}
		name, _, _ = strings.Cut(name, "`")
		modules = append(modules, name)
	}
	slices.Sort(modules)
	return modules
}

func TestDependenciesAreListed(t *testing.T) {
	read := func(path ...string) string {
		b, err := os.ReadFile(filepath.Join(append([]string{root()}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	required, doc := directRequirements(read("go.mod")), listed(t, read("docs", "dependencies.md"))
	if len(required) < 10 {
		t.Fatalf("only %d requirements were read from go.mod: %q", len(required), required)
	}
	for _, m := range required {
		if !slices.Contains(doc, m) {
			t.Errorf("docs/dependencies.md does not list %s", m)
		}
	}
	for _, m := range doc {
		if !slices.Contains(required, m) {
			t.Errorf("docs/dependencies.md lists %s, which go.mod does not require directly", m)
		}
	}
	if len(doc) != len(slices.Compact(slices.Clone(doc))) {
		t.Errorf("docs/dependencies.md lists a module twice: %q", doc)
	}
}

func TestDirectRequirements(t *testing.T) {
	got := directRequirements("module m\n\nrequire a.org/one v1.0.0\n\nrequire (\n\tb.org/two v2.0.0\n\tc.org/three v3.0.0 // indirect\n)\n")
	if !slices.Equal(got, []string{"a.org/one", "b.org/two"}) {
		t.Errorf("%q", got)
	}
}
