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
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hcsroute/hcsroute"

// file is a Go source file that somebody writes.
type file struct {
	path   string // slash-separated, from the module's root
	dir    string
	lines  int
	test   bool
	syntax *ast.File
}

func parse(path string, source []byte) (file, error) {
	syntax, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
	dir := "."
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir = path[:i]
	}
	return file{
		path: path, dir: dir, lines: bytes.Count(source, []byte{'\n'}), test: strings.HasSuffix(path, "_test.go"), syntax: syntax,
	}, err
}

// root is the module's folder.
func root() string { return filepath.Join("..", "..") }

// load reads the module's files, for whatever system they are.
func load(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(root(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root() && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".pb.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root(), path)
		if err != nil {
			return err
		}
		f, err := parse(filepath.ToSlash(rel), source)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 200 {
		t.Fatalf("only %d Go files found: the test looks in the wrong place", len(files))
	}
	return files
}

// imports are a file's imports: of the module, from its root, and others.
func (f file) imports() (own, other []string) {
	for _, spec := range f.syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has seen to it
		}
		if rest, ok := strings.CutPrefix(path, module+"/"); ok {
			own = append(own, rest)
		} else {
			other = append(other, path)
		}
	}
	return own, other
}

// within reports whether a folder is one of the given, or below one.
func within(dir string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
}
