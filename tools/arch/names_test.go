package arch

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// anchors are the names under which the headings of a page can be linked to.
func anchors(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// nameProblems are the links, and the paths in backticks, of a page that lead
// nowhere in the repository.
func nameProblems(repository fs.FS, name, text string) (problems []string) {
	exists := func(p string) bool {
		found, err := fs.Glob(repository, p)
		return err == nil && len(found) > 0
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`).FindAllStringSubmatch(text, -1) {
		target, heading := m[1], m[2]
		page := text
		if target != "" {
			target = path.Join(path.Dir(name), target)
			if !exists(target) {
				problems = append(problems, name+" links to "+m[1]+", which is not there")
				continue
			}
			if heading != "" {
				data, err := fs.ReadFile(repository, target)
				if err != nil {
					return append(problems, err.Error())
				}
				page = string(data)
			}
		}
		if heading != "" && !slices.Contains(anchors(page), heading) {
			problems = append(problems, name+" links to "+m[1]+"#"+heading+", which is no heading")
		}
	}
	for _, m := range regexp.MustCompile("`([\\w.-]+(?:/[\\w.*-]+)+)/?`").FindAllStringSubmatch(text, -1) {
		top, _, _ := strings.Cut(m[1], "/")
		if exists(top) && top != "bin" && !exists(m[1]) { // else it is no path of ours, or is built
			problems = append(problems, name+" names "+m[1]+", which is not there")
		}
	}
	return problems
}

// Pages link to, and name, files and folders that exist.
func TestPagesNameWhatExists(t *testing.T) {
	repository, pages := os.DirFS(root()), 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		found, err := filepath.Glob(filepath.Join(root(), filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, p := range nameProblems(repository, path.Join(path.Dir(pattern), filepath.Base(file)), string(data)) {
				t.Error(p)
			}
		}
	}
	if pages < 30 {
		t.Errorf("only %d pages found", pages)
	}
}

func TestNameRuleCanFail(t *testing.T) {
	repository := os.DirFS(root())
	for text, want := range map[string]int{
		"[a](architecture.md#the-flow), [b](../README.md), [c](https://example.net/x#y)": 0,
		"`agent/table`, `agent/table/order.go`, `store/*.go`, `application/json`":        0,
		"## Here\n[a](#here)":        0,
		"[a](#here)":                 1,
		"[a](architecture.md#there)": 1,
		"[a](nothing.md)":            1,
		"`agent/nothing`":            1,
		"`hostvm/nothing.go`":        1,
	} {
		if got := nameProblems(repository, "docs/page.md", text); len(got) != want {
			t.Errorf("%s: %q, want %d", text, got, want)
		}
	}
}
