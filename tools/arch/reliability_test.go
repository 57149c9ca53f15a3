package arch

import (
	"fmt"
	"go/ast"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tests are what a promise can name, as "folder name": test functions, and the
// cases of the suite for stores.
func tests(files []file) map[string]bool {
	found := map[string]bool{}
	for _, f := range files {
		for _, d := range f.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil {
				continue
			}
			if f.test {
				found[f.dir+" "+fn.Name.Name] = true
			}
			if name, ok := strings.CutPrefix(fn.Name.Name, "test"); ok && f.dir == "store/storetest" {
				found[f.dir+" "+name] = true
			}
		}
	}
	return found
}

// promiseProblems are the rows of a page of promises that name no test, or one
// that does not exist.
func promiseProblems(page string, known map[string]bool) (rows int, problems []string) {
	remark := regexp.MustCompile(`\([^)]*\)`)
	for _, line := range strings.Split(page, "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.TrimSpace(cells[0]) == "promise" {
			continue
		}
		rows++
		folder, named := "", 0
		for _, word := range strings.Fields(remark.ReplaceAllString(cells[len(cells)-1], "")) {
			word = strings.Trim(word, ",;")
			if strings.HasPrefix(word, "`") {
				folder = strings.Trim(word, "`")
				continue
			}
			named++
			name, _, _ := strings.Cut(word, "/") // cases may come from testdata
			if !known[folder+" "+name] {
				problems = append(problems, fmt.Sprintf("no test %s in folder %q: %s", word, folder, line))
			}
		}
		if named == 0 || len(cells) != 2 {
			problems = append(problems, "not a promise and its tests: "+line)
		}
	}
	return rows, problems
}

// Each test that the page of promises names exists.
func TestPromisesHaveTheirTests(t *testing.T) {
	known := tests(load(t))
	pester, err := filepath.Glob(filepath.Join(root(), "pwsh-module", "tests", "*.Tests.ps1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pester {
		known["pwsh-module/tests "+strings.TrimSuffix(filepath.Base(path), ".ps1")] = true
	}
	rows, problems := promiseProblems(page(t, "reliability.md"), known)
	if rows < 50 {
		t.Errorf("only %d promises found", rows)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

func TestPromiseRuleCanFail(t *testing.T) {
	known := map[string]bool{"a TestOne": true, "b TestTwo": true}
	for row, want := range map[string]int{
		"| p | `a` TestOne, `b` TestTwo (both) |": 0,
		"| p | `a` TestOne/case |":                0,
		"| p | `a` TestOne, TestTwo |":            1,
		"| p | `a` TestThree; `b` TestNone |":     2,
		"| p | `a` |":                             1,
		"| p | TestOne |":                         1,
		"| p |":                                   2,
	} {
		if rows, got := promiseProblems(row, known); rows != 1 || len(got) != want {
			t.Errorf("%s: %d rows, %d problems, want %d: %q", row, rows, len(got), want, got)
		}
	}
}
