package arch

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// use is a selector that only some folders may name.
type use struct {
	names []string // package.Name as it is written
	but   []string // folders or files that may
	why   string
}

func uses() []use {
	programs := []string{"cmd", "docs/examples", "tools/gen", "tools/testrun", "tools/getpwsh", "tools/hcsroute-bench"}
	return []use{
		{[]string{"time.Sleep"}, nil, "wait for an event, not for a time"},
		{[]string{"os.Exit", "log.Fatal", "log.Fatalf"}, programs, "only a main ends the process"},
		{
			[]string{"fmt.Print", "fmt.Printf", "fmt.Println", "os.Stdout"}, append([]string{"lab", "internal/nstest"}, programs...),
			"only a program writes to its output; packages take a writer or a logger",
		},
		{[]string{"slog.Default", "slog.Info", "slog.Warn", "slog.Error", "slog.SetDefault", "log.Printf", "log.Println"}, nil, "the logger is passed down"},
		{[]string{"context.Background", "context.TODO"}, programs, "contexts are passed down"},
		{[]string{"unix.NLM_F_REPLACE", "netlink.RouteReplace"}, []string{"agent/rtnl/watch.go", "lab"}, "it takes over foreign routes; the agent only reads it in what others did"},
		{
			[]string{"netlink.RouteAdd", "netlink.RouteAppend", "netlink.RouteChange", "netlink.RouteDel"}, []string{"lab"},
			"the agent writes routes through package rtnl; the host never writes its own table",
		},
		{[]string{"tls.VersionTLS10", "tls.VersionTLS11", "tls.VersionTLS12"}, nil, "TLS 1.3 only"},
	}
}

// callProblems says what a file uses and should not. Tests may.
func callProblems(f file) (problems []string) {
	if f.test {
		return nil
	}
	all := uses()
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			name := pkg.Name + "." + n.Sel.Name
			for _, u := range all {
				if slices.Contains(u.names, name) && !within(f.dir, u.but...) && !slices.Contains(u.but, f.path) {
					problems = append(problems, fmt.Sprintf("%s: %s: %s", f.path, name, u.why))
				}
			}
		case *ast.CallExpr:
			if matchesText(n) {
				problems = append(problems, f.path+": an error is recognised by its text; use its Reason, type or errno")
			}
		}
		return true
	})
	return problems
}

// matchesText is true for a search of package strings in x.Error().
func matchesText(call *ast.CallExpr) bool {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := fn.X.(*ast.Ident)
	searches := []string{"Contains", "HasPrefix", "HasSuffix", "Index", "EqualFold"}
	if !ok || pkg.Name != "strings" || !slices.ContainsFunc(searches, func(s string) bool { return strings.HasPrefix(fn.Sel.Name, s) }) || len(call.Args) == 0 {
		return false
	}
	text, ok := call.Args[0].(*ast.CallExpr)
	if !ok || len(text.Args) != 0 {
		return false
	}
	method, ok := text.Fun.(*ast.SelectorExpr)
	return ok && method.Sel.Name == "Error"
}

func TestCalls(t *testing.T) {
	for _, f := range load(t) {
		for _, problem := range callProblems(f) {
			t.Error(problem)
		}
	}
}
