package arch

import (
	"fmt"
	"go/ast"
	"path"
	"strings"
	"testing"
)

// The limits of the house style.
const (
	maxLines      = 500
	maxMainLines  = 40
	maxParameters = 4
)

func shapeProblems(f file) (problems []string) {
	report := func(format string, args ...any) {
		problems = append(problems, f.path+": "+fmt.Sprintf(format, args...))
	}
	if f.lines > maxLines {
		report("%d lines, more than %d", f.lines, maxLines)
	}
	if within(f.dir, "cmd") && path.Base(f.path) == "main.go" && f.lines > maxMainLines {
		report("%d lines, more than %d: a program's work is in a package", f.lines, maxMainLines)
	}
	if f.test {
		return problems
	}
	for _, decl := range f.syntax.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if fn.Name.Name == "init" && fn.Recv == nil {
			report("has an init function")
		}
		if n := fn.Type.Params.NumFields(); n > maxParameters {
			report("%s has %d parameters, more than %d: use a struct", fn.Name.Name, n, maxParameters)
		}
	}
	for _, group := range f.syntax.Comments {
		for _, word := range []string{"TODO", "FIXME"} {
			if strings.Contains(group.Text(), word) {
				report("a comment says %s", word)
			}
		}
	}
	return problems
}

// docProblems wants one package comment for each package.
func docProblems(files []file) (problems []string) {
	docs := map[string]int{}
	for _, f := range files {
		if f.test {
			continue
		}
		n := docs[f.dir]
		if f.syntax.Doc != nil {
			n++
		}
		docs[f.dir] = n
	}
	for dir, n := range docs {
		if n != 1 {
			problems = append(problems, fmt.Sprintf("package %s has %d package comments, want 1", dir, n))
		}
	}
	return problems
}

func TestShape(t *testing.T) {
	files := load(t)
	for _, f := range files {
		for _, problem := range shapeProblems(f) {
			t.Error(problem)
		}
	}
	for _, problem := range docProblems(files) {
		t.Error(problem)
	}
}
