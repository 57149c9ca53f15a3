package pwshmodule_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

var languages = []string{"en-US", "ko-KR", "ja-JP"}

// messages reads a message file: one 'key = text' on each line.
func messages(t *testing.T, language string) map[string]string {
	t.Helper()
	text := read(t, filepath.Join(module, language, "HcsNetRoute.Messages.psd1"))
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ +(\w+) += '((?:[^']|'')*)'$`).FindAllStringSubmatch(text, -1) {
		if _, twice := found[m[1]]; twice {
			t.Errorf("%s: %s twice", language, m[1])
		}
		found[m[1]] = strings.ReplaceAll(m[2], "''", "'")
	}
	return found
}

func TestMessageKeysAreEqual(t *testing.T) {
	want := slices.Sorted(maps.Keys(messages(t, "en-US")))
	for _, language := range languages[1:] {
		if got := slices.Sorted(maps.Keys(messages(t, language))); !slices.Equal(got, want) {
			t.Errorf("%s has other keys than en-US:\n%v\n%v", language, got, want)
		}
	}
}

// TestMessagesHoldTheTables: every Reason, warning and cause of the tables has its
// messages, there are no others, and the English ones are the tables'.
func TestMessagesHoldTheTables(t *testing.T) {
	want := map[string]string{}
	for _, row := range routes.Reasons() {
		want["Reason"+row.Reason.ErrorID()] = row.Meaning
		want["Action"+row.Reason.ErrorID()] = row.Action
	}
	for _, row := range routes.Warnings() {
		want["Warning"+routes.Reason(row.Code).ErrorID()] = row.Meaning
	}
	for _, row := range routes.Causes() {
		want["Cause"+routes.Reason(row.Code).ErrorID()] = row.Meaning
	}
	english := messages(t, "en-US")
	for key, text := range want {
		if english[key] != text {
			t.Errorf("en-US: %s is %q, the table has %q", key, english[key], text)
		}
	}
	for key := range english {
		if _, ok := want[key]; !ok && regexp.MustCompile(`^(Reason|Action|Warning|Cause)`).MatchString(key) {
			t.Errorf("en-US: %s is in no table", key)
		}
	}
}

// TestActionsNameTheModule: an action that names a command of the program has the
// cmdlet beside it, in the form that the module takes apart.
func TestActionsNameTheModule(t *testing.T) {
	half := regexp.MustCompile(`--[a-z-]+ / (-[A-Z])|\b[a-z]+ / ([A-Z][a-z]+-HcsNet)`) // Select-HcsRouteHalf's
	program := regexp.MustCompile(`--\w|\b(get|nodes|interfaces) (?:or|with|/)`)
	named := 0
	for _, row := range routes.Reasons() {
		left := half.ReplaceAllString(row.Action, "$1$2")
		if left != row.Action {
			named++
		}
		if program.MatchString(left) {
			t.Errorf("%s: the module would say %q", row.Reason, left)
		}
	}
	if named < 4 {
		t.Errorf("%d actions name cmdlets", named)
	}
}

// TestMessagePlaceholders: a translation names no value that English or the
// service's parameters do not have, and brackets are in pairs.
func TestMessagePlaceholders(t *testing.T) {
	for _, language := range languages {
		for key, text := range messages(t, language) {
			if strings.Count(text, "[[") != strings.Count(text, "]]") {
				t.Errorf("%s: %s: brackets %q", language, key, text)
			}
			if language == "en-US" || regexp.MustCompile(`^(Reason|Action|Warning)[A-Z]`).MatchString(key) {
				continue
			}
			for _, name := range regexp.MustCompile(`\{\w+\}`).FindAllString(text, -1) {
				if !strings.Contains(messages(t, "en-US")[key], name) {
					t.Errorf("%s: %s: %s is not in English", language, key, name)
				}
			}
		}
	}
}

// TestModuleErrorIDs: the refusals that the module itself makes have ids and
// categories of the table.
func TestModuleErrorIDs(t *testing.T) {
	text := read(t, filepath.Join(module, "Private", "Write-HcsRouteError.ps1"))
	rows := regexp.MustCompile(`(?m)^ +([A-Z_]+) += '(\w+)', '(\w+)'$`).FindAllStringSubmatch(text, -1)
	if len(rows) == 0 {
		t.Fatal("no table in Write-HcsRouteError.ps1")
	}
	for _, row := range rows {
		info, ok := routes.Reason(row[1]).Info()
		if !ok || info.Reason.ErrorID() != row[2] || info.Category != row[3] {
			t.Errorf("%v is not a row of the table", row[1:])
		}
	}
}
