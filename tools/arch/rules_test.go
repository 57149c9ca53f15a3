package arch

import (
	"strings"
	"testing"
)

// Each rule finds what it is there to find, and leaves alone what it must.
func TestRulesCanFail(t *testing.T) {
	everything := func(f file) []string {
		return append(append(importProblems(f), shapeProblems(f)...), callProblems(f)...)
	}
	ours := func(path string) string { return "package p\nimport _ \"" + module + "/" + path + "\"\n" }
	for _, c := range []struct{ path, source, want string }{
		{"routes/a.go", ours("store"), "routes imports store"},
		{"routes/a.go", "package p\nimport _ \"os\"\n", "the domain imports os"},
		{"routes/a.go", "package p\nimport _ \"google.golang.org/grpc\"\n", "the domain imports google"},
		{"store/boltstore/a.go", ours("proto/hcsroute/v1"), "store imports proto"},
		{"agent/table/a.go", ours("proto/agent/v1"), "agent/table imports proto"},
		{"agent/a.go", ours("proto/hcsroute/v1"), "agent imports proto"},
		{"agent/a.go", ours("hostvm"), "agent imports hostvm"},
		{"hostvm/a.go", ours("server"), "hostvm imports server"},
		{"hostvm/a.go", ours("store"), "hostvm imports store"},
		{"hostvm/a.go", ours("proto/agent/v1"), "hostvm imports proto"},
		{"hostvm/file/a.go", ours("proto/agent/v1"), "hostvm/file imports proto"},
		{"hostvm/linux/a.go", ours("hostvm/fleet"), "know no session"},
		{"hostvm/file/a.go", ours("hostvm/fleet/dial"), "know no session"},
		{"server/a.go", ours("store/storetest"), "which is for tests"},
		{"server/a.go", ours("lab"), "server imports lab"},
		{"server/a.go", ours("tools/testrun"), "server imports tools"},
		{"internal/config/a.go", ours("internal/cli"), "internal/config imports internal/cli"},
		{"cmd/hcsroute/main.go", ours("cmd/hcsrouted"), "cmd/hcsroute imports cmd/hcsrouted"},
		{"newfolder/a.go", "package p\n", "in no area"},
		{"server/a.go", "package p\nimport _ \"unsafe\"\n", "imports unsafe"},
		{"server/a.go", "package p\n" + strings.Repeat("\n", maxLines), "more than 500"},
		{"server/a_test.go", "package p\n" + strings.Repeat("\n", maxLines), "more than 500"},
		{"cmd/hcsroute/main.go", "package p\n" + strings.Repeat("\n", maxMainLines), "more than 40"},
		{"server/a.go", "package p\nfunc init() {}\n", "init function"},
		{"server/a.go", "package p\nfunc f(a, b, c int, d, e string) {}\n", "5 parameters"},
		{"server/a.go", "package p\n// TODO later\nvar x int\n", "says TODO"},
		{"server/a.go", "package p\nfunc f() { time.Sleep(1) }\n", "time.Sleep"},
		{"lab/a.go", "package p\nfunc f() { time.Sleep(1) }\n", "time.Sleep"},
		{"server/a.go", "package p\nfunc f() { os.Exit(1) }\n", "os.Exit"},
		{"internal/cli/a.go", "package p\nfunc f() { fmt.Println(1) }\n", "fmt.Println"},
		{"server/a.go", "package p\nvar w = os.Stdout\n", "os.Stdout"},
		{"server/a.go", "package p\nfunc f() { slog.Info(\"\") }\n", "slog.Info"},
		{"server/a.go", "package p\nvar c = context.Background()\n", "context.Background"},
		{"agent/rtnl/batch.go", "package p\nconst f = unix.NLM_F_REPLACE\n", "NLM_F_REPLACE"},
		{"hostvm/linux/a.go", "package p\nvar e = netlink.RouteAdd(nil)\n", "netlink.RouteAdd"},
		{"server/a.go", "package p\nconst v = tls.VersionTLS12\n", "TLS 1.3"},
		{"server/a.go", "package p\nvar b = strings.Contains(err.Error(), \"x\")\n", "recognised by its text"},

		{"server/a.go", ours("internal/wire/publicapi"), ""},
		{"hostvm/fleet/a.go", ours("proto/agent/v1"), ""},
		{"hostvm/linux/a.go", ours("hostvm"), ""},
		{"server/a_test.go", ours("lab"), ""},
		{"server/a_test.go", "package p\nfunc f() { time.Sleep(1) }\n", ""},
		{"lab/a.go", "package p\nfunc f() { fmt.Println(1) }\n", ""},
		{"agent/rtnl/watch.go", "package p\nconst f = unix.NLM_F_REPLACE\n", ""},
		{"server/a.go", "package p\nfunc f(a, b, c, d int) { w.Print(strings.Contains(name, \"x\")) }\n", ""},
	} {
		f, err := parse(c.path, []byte(c.source))
		if err != nil {
			t.Fatalf("%q: %v", c.source, err)
		}
		got := strings.Join(everything(f), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s with %.80q: %q, want %q", c.path, c.source, got, c.want)
		}
	}
}

func TestDocRuleCanFail(t *testing.T) {
	source := func(path, text string) file {
		f, err := parse(path, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	bare, doc := source("a/x.go", "package a\n"), source("a/y.go", "// Package a is one.\npackage a\n")
	for want, files := range map[int][]file{0: {bare, doc}, 1: {bare}} {
		if got := docProblems(files); len(got) != want {
			t.Errorf("%d problems, want %d: %q", len(got), want, got)
		}
	}
	if got := docProblems([]file{doc, source("a/z.go", "// Package a is two.\npackage a\n")}); len(got) != 1 {
		t.Errorf("two package comments: %q", got)
	}
}
