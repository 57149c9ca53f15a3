package arch

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func page(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{root(), "docs"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The operator guide explains each state, cause and condition that get can show.
func TestGuideExplainsWhatGetShows(t *testing.T) {
	guide, found := page(t, "operator-guide.md"), 0
	for _, f := range load(t) {
		if f.path != "routes/status.go" {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			kind, ok := spec.Type.(*ast.Ident)
			if !ok || !slices.Contains([]string{"State", "Cause", "Condition"}, kind.Name) {
				return true
			}
			for _, value := range spec.Values {
				if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					found++
					name := strings.Trim(lit.Value, `"`)
					if !regexp.MustCompile(`(?m)^\|[^|]*\b` + name + `\b[^|]*\|`).MatchString(guide) {
						t.Errorf("the operator guide has no row for the %s %s", kind.Name, name)
					}
				}
			}
			return true
		})
	}
	if found < 20 {
		t.Errorf("only %d states, causes and conditions found", found)
	}
}

// The index of decisions is what is there, and each has a number of its own.
func TestDecisionsAreListed(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root(), "docs", "adr", "0*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	numbers := map[string]string{}
	for _, path := range paths {
		name := filepath.Base(path)
		title, _, _ := strings.Cut(page(t, "adr", name), "\n")
		title = strings.TrimPrefix(title, "# ")
		number, _, _ := strings.Cut(title, ".")
		if other := numbers[number]; other != "" || strings.TrimLeft(name[:4], "0") != number {
			t.Errorf("%s has the number %s; %s", name, number, other)
		}
		numbers[number] = name
		want.WriteString("- [" + title + "](" + name + ")\n")
	}
	if index := page(t, "adr", "README.md"); len(paths) == 0 || !strings.HasSuffix(index, "\n\n"+want.String()) {
		t.Errorf("docs/adr/README.md must end with:\n%s", want.String())
	}
}
