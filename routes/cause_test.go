package routes_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// constants are the values of the string constants of a file that have one of
// the types.
func constants(t *testing.T, file string, types ...string) (values []string) {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(syntax, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		kind, _ := spec.Type.(*ast.Ident)
		value, _ := spec.Values[0].(*ast.BasicLit)
		if kind != nil && value != nil && slices.Contains(types, kind.Name) {
			text, _ := strconv.Unquote(value.Value)
			values = append(values, text)
		}
		return true
	})
	return values
}

// checkCode checks what the rows of both tables have in common.
func checkCode(t *testing.T, code, remedy string, severity routes.Severity, reason routes.Reason) {
	t.Helper()
	if !strings.HasSuffix(remedy, ".") {
		t.Errorf("%s: the remedy %q is no sentence", code, remedy)
	}
	switch severity {
	case routes.SeverityOK, routes.SeverityWarn:
		if reason != "" {
			t.Errorf("%s is no failure and has the reason %s", code, reason)
		}
	case routes.SeverityFailure:
		if _, ok := reason.Info(); !ok {
			t.Errorf("%s fails for the reason %q, which the table does not have", code, reason)
		}
	default:
		t.Errorf("%s has the severity %q", code, severity)
	}
}

// TestEveryCauseHasARemedy: the table of causes is that of the constants.
func TestEveryCauseHasARemedy(t *testing.T) {
	var codes []string
	for _, row := range routes.Causes() {
		codes = append(codes, row.Code)
		checkCode(t, row.Code, row.Remedy, row.Severity, row.Reason)
		if row.Meaning == "" || strings.HasSuffix(row.Meaning, ".") {
			t.Errorf("%s: the meaning %q is no clause", row.Code, row.Meaning)
		}
		if info, ok := routes.InfoOfCause(row.Code); !ok || info != row {
			t.Errorf("%s: %+v", row.Code, info)
		}
	}
	if want := constants(t, "status.go", "Cause", "Condition"); len(want) < 15 || !slices.Equal(codes, want) {
		t.Errorf("the table has %v, status.go %v", codes, want)
	}
	for code, want := range map[string]routes.Severity{
		"NODE_STOPPED": routes.SeverityOK, "STANDBY": routes.SeverityOK, "IN_PROGRESS": routes.SeverityWarn,
		"SHADOWED": routes.SeverityWarn, "SHARED": routes.SeverityWarn, "LINK_DOWN": routes.SeverityFailure, "NO_NODE_NIC": routes.SeverityFailure,
	} {
		if info, _ := routes.InfoOfCause(code); info.Severity != want {
			t.Errorf("%s is %q, want %q", code, info.Severity, want)
		}
	}
}

// TestACauseOfAnotherReleaseIsAFailure: nothing is fine for being unknown.
func TestACauseOfAnotherReleaseIsAFailure(t *testing.T) {
	info, ok := routes.InfoOfCause("MOON_PHASE")
	if ok || info.Code != "MOON_PHASE" || info.Severity != routes.SeverityFailure {
		t.Errorf("%+v %v", info, ok)
	}
	checkCode(t, info.Code, info.Remedy, info.Severity, info.Reason)
}

// TestEveryWarningHasARemedy: so is the table of warnings.
func TestEveryWarningHasARemedy(t *testing.T) {
	var codes []string
	for _, row := range routes.Warnings() {
		codes = append(codes, string(row.Code))
		checkCode(t, string(row.Code), row.Remedy, row.Severity, row.Reason)
		if info, ok := row.Code.Info(); !ok || info != row {
			t.Errorf("%s: %+v", row.Code, info)
		}
	}
	if want := constants(t, "warning.go", "WarningCode"); len(want) < 10 || !slices.Equal(codes, want) {
		t.Errorf("the table has %v, warning.go %v", codes, want)
	}
	if info, _ := routes.WarnInterfaceGone.Info(); info.Severity != routes.SeverityFailure || info.Reason != routes.InterfaceNotFound {
		t.Errorf("a port that is gone: %+v", info)
	}
	if info, ok := routes.WarningCode("MOON_PHASE").Info(); ok || info.Severity != routes.SeverityWarn || info.Remedy == "" {
		t.Errorf("unknown: %+v %v", info, ok)
	}
}
