package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/routes"
)

// refused runs a command line that asks no service.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code := Main(context.Background(), Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(string) string { return "" }}, args)
	if code != int(routes.ExitUsage) || out.Len() > 0 {
		t.Errorf("%v: code %d, it writes %q", args, code, out.String())
	}
	return errs.String()
}

// TestAWordThatIsInTheWay: whatever the command, one word too many is refused in
// this program's words, with a command to type.
func TestAWordThatIsInTheWay(t *testing.T) {
	seen := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, below := range cmd.Commands() {
			walk(below)
		}
		if !cmd.HasParent() || strings.Contains(cmd.Use, "]...") {
			return
		}
		seen++
		args := append(strings.Fields(cmd.CommandPath())[1:], "one", "two", "three", "four")
		said := refused(t, args...)
		if _, hint, _ := strings.Cut(said, "hint: "); !strings.Contains(hint, "'"+cmd.Root().Name()+" ") || strings.Contains(said, "arg(s)") || strings.Contains(said, "unknown command") {
			t.Errorf("%v:\n%s", args, said)
		}
	}
	walk((&app{}).root())
	if seen < 20 {
		t.Errorf("%d commands", seen)
	}
}

// TestWhatAWordIsMeantAs: the command or flag that does what was meant.
func TestWhatAWordIsMeantAs(t *testing.T) {
	for line, hint := range map[string]string{
		"interfaces Port3":              "'hcsroute get --interface Port3' for the routes of one port, or 'hcsroute interfaces'",
		"nodes k8s-master":              "'hcsroute explain ADDRESS --node k8s-master'",
		"nodes list k8s-master":         "'hcsroute explain ADDRESS --node k8s-master'",
		"nodes lst":                     "one of adopt, forget, list;",
		"store bihind":                  "one of accept, behind;",
		"certs isue":                    "one of init, issue;",
		"certs init pki":                "'hcsroute certs init --dir pki'",
		"certs issue":                   "'hcsroute certs issue NAME'",
		"nodes forget a b":              "'hcsroute nodes forget a'",
		"audit list kim":                "'hcsroute audit list --actor kim'",
		"audit list 24h":                "'hcsroute audit list --since 24h'",
		"audit list 192.168.21.0/24":    "'hcsroute audit list --destination 192.168.21.0/24'",
		"audit 24h":                     "one of list, verify;",
		"jsonl FILE":                    "'hcsroute jsonl < FILE'",
		"wait 7":                        "'hcsroute wait --revision 7'",
		"doctor k8s-master":             "'hcsroute doctor' without it",
		"backup":                        "'hcsroute backup FILE'",
		"add Port3 10.0.0.0/8 h 100":    "'hcsroute add Port3 10.0.0.0/8 h --metric 100'",
		"set Port3 10.0.0.0/8 h 100":    "'hcsroute set Port3 10.0.0.0/8 h --metric 100'",
		"remove Port3 10.0.0.0/8 h 100": "'hcsroute remove --help'",
	} {
		if said := refused(t, strings.Fields(line)...); !strings.Contains(said, hint) {
			t.Errorf("%s: no %q in\n%s", line, hint, said)
		}
	}
}
