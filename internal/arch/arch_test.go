package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hcsroute/hcsroute/"

// limits of the house style.
const (
	maxLines     = 500
	maxMainLines = 40
)

type file struct {
	path   string // slash-separated, from the module's root
	dir    string
	lines  int
	test   bool
	syntax *ast.File
}

func load(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".pb.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		files = append(files, file{path: rel, dir: filepath.ToSlash(filepath.Dir(rel)), lines: bytes.Count(source, []byte{'\n'}), test: strings.HasSuffix(rel, "_test.go"), syntax: syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d Go files found: the test looks in the wrong place", len(files))
	}
	return files
}

// imports are a file's imports within the module, and with std those of the
// standard library too.
func (f file) imports() (own, other []string) {
	for _, spec := range f.syntax.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if rest, ok := strings.CutPrefix(path, module); ok {
			own = append(own, rest)
		} else {
			other = append(other, path)
		}
	}
	return own, other
}

func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

func TestImportDirection(t *testing.T) {
	for _, f := range load(t) {
		if f.test {
			continue
		}
		own, other := f.imports()
		if within(f.dir, "routes") {
			for _, path := range own {
				t.Errorf("%s: the domain imports %s; it imports the standard library only", f.path, path)
			}
			for _, path := range other {
				if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") || slices.Contains([]string{"os", "net", "net/http", "time/tzdata"}, path) {
					t.Errorf("%s: the domain imports %s; it does no I/O", f.path, path)
				}
			}
		}
		for _, path := range own {
			switch {
			case within(f.dir, "store") && within(path, "server", "hostvm", "agent", "proto", "internal/cli"):
				t.Errorf("%s: the store imports %s; it knows routes only", f.path, path)
			case within(f.dir, "hostvm") && within(path, "server", "internal/cli", "store/boltstore"):
				t.Errorf("%s: hostvm imports %s", f.path, path)
			case within(f.dir, "agent") && within(path, "server", "hostvm", "store", "internal/cli", "proto/hcsroute"):
				t.Errorf("%s: the agent imports %s; it knows its own protocol only", f.path, path)
			case within(path, "cmd"):
				t.Errorf("%s: imports the program %s", f.path, path)
			case within(path, "proto") && !edge(f.dir):
				t.Errorf("%s: generated proto is imported at the edges only, not in %s", f.path, f.dir)
			case within(path, "lab") && !within(f.dir, "lab", "cmd/hcsroute-lab"):
				t.Errorf("%s: imports the lab", f.path)
			}
		}
	}
}

// edge tells the packages that speak proto: the service, the sessions on both
// sides, the CLI and the conversion between them.
func edge(dir string) bool {
	return slices.Contains([]string{"server", "hostvm", "agent", "agent/daemon", "agent/agenttest"}, dir) ||
		within(dir, "internal/cli", "internal/wire", "lab", "docs/examples")
}

func TestShape(t *testing.T) {
	docs := map[string]int{}
	packages := map[string]bool{}
	for _, f := range load(t) {
		if f.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d", f.path, f.lines, maxLines)
		}
		if within(f.dir, "cmd") && filepath.Base(f.path) == "main.go" && f.lines > maxMainLines {
			t.Errorf("%s has %d lines, more than %d", f.path, f.lines, maxMainLines)
		}
		if f.test {
			continue
		}
		packages[f.dir] = true
		if f.syntax.Doc != nil {
			docs[f.dir]++
		}
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.Name == "init" && fn.Recv == nil {
				t.Errorf("%s: has an init function", f.path)
			}
		}
	}
	for dir := range packages {
		if docs[dir] != 1 {
			t.Errorf("package %s has %d package comments, want 1", dir, docs[dir])
		}
	}
}
