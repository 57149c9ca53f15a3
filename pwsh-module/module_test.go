// Package pwshmodule_test checks the PowerShell module without a PowerShell:
// what a manifest, message files and roles must have in common with the files
// and with the one error table.
package pwshmodule_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "HcsNetRoute"

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(string(data), "\ufeff")
}

// list returns the quoted words of a list in a PowerShell data file.
func list(t *testing.T, text, name string) []string {
	t.Helper()
	m := regexp.MustCompile(`(?s)\b` + name + `\s*=\s*@\((.*?)\)`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no list %s", name)
	}
	var words []string
	for _, w := range regexp.MustCompile(`'([^']*)'`).FindAllStringSubmatch(m[1], -1) {
		words = append(words, w[1])
	}
	return words
}

func public(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(module, "Public", "*.ps1"))
	if err != nil || len(files) == 0 {
		t.Fatal("no public functions", err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".ps1"))
	}
	slices.Sort(names)
	return names
}

func TestManifestExportsPublic(t *testing.T) {
	manifest := read(t, filepath.Join(module, module+".psd1"))
	exported := list(t, manifest, "FunctionsToExport")
	slices.Sort(exported)
	if want := public(t); !slices.Equal(exported, want) {
		t.Errorf("FunctionsToExport is %v, Public holds %v", exported, want)
	}
	for _, other := range []string{"CmdletsToExport", "VariablesToExport", "AliasesToExport"} {
		if got := list(t, manifest, other); len(got) > 0 {
			t.Errorf("%s is %v, must be empty", other, got)
		}
	}
	for _, name := range list(t, manifest, "FormatsToProcess") {
		if _, err := os.Stat(filepath.Join(module, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestPublicFileHoldsItsFunction(t *testing.T) {
	for _, name := range public(t) {
		text := read(t, filepath.Join(module, "Public", name+".ps1"))
		found := regexp.MustCompile(`(?m)^function (\S+)`).FindAllStringSubmatch(text, -1)
		if len(found) != 1 || found[0][1] != name {
			t.Errorf("%s.ps1 defines %v", name, found)
		}
	}
}

// TestXML reads the format and type files to their end, and looks for a
// remoting twin of every type: what arrives by remoting has the same view.
func TestXML(t *testing.T) {
	for _, name := range []string{"HcsNetRoute.Format.ps1xml", "HcsNetRoute.Types.ps1xml"} {
		text := read(t, filepath.Join(module, name))
		d := xml.NewDecoder(strings.NewReader(text))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, m := range regexp.MustCompile(`<TypeName>(HcsNetRoute\.\w+)</TypeName>`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(text, "<TypeName>Deserialized."+m[1]+"</TypeName>") {
				t.Errorf("%s: no view for Deserialized.%s", name, m[1])
			}
		}
	}
}

// TestTableWidths keeps the tables within a prompt of 80 columns.
func TestTableWidths(t *testing.T) {
	text := read(t, filepath.Join(module, "HcsNetRoute.Format.ps1xml"))
	for _, table := range regexp.MustCompile(`(?s)<TableHeaders>.*?</TableHeaders>`).FindAllString(text, -1) {
		sum, limit := 0, 80
		headers := regexp.MustCompile(`(?s)<TableColumnHeader>.*?</TableColumnHeader>`).FindAllString(table, -1)
		for _, h := range headers {
			if m := regexp.MustCompile(`<Width>(\d+)</Width>`).FindStringSubmatch(h); m != nil {
				n := 0
				for _, c := range m[1] {
					n = n*10 + int(c-'0')
				}
				sum += n + 1
			} else {
				limit = 80 - 8 // the last column has the rest
			}
		}
		if sum > limit {
			t.Errorf("fixed columns take %d of 80 columns, may take %d:\n%s", sum, limit, table)
		}
	}
}

// TestHelpWidths: Get-Help indents the text of a parameter by 8, and breaks a
// line at a prompt of 80 columns within a word. Code of examples may be longer.
func TestHelpWidths(t *testing.T) {
	found := 0
	for _, name := range public(t) {
		help := regexp.MustCompile(`(?s)<#\n(.*?)#>`).FindStringSubmatch(read(t, filepath.Join(module, "Public", name+".ps1")))
		if help == nil {
			t.Errorf("%s has no help", name)
			continue
		}
		code := false
		for line := range strings.Lines(help[1]) {
			line = strings.TrimPrefix(strings.TrimRight(line, "\n"), "    ")
			switch {
			case strings.HasPrefix(line, "."):
				code = line == ".EXAMPLE"
			case line == "":
				code = false
			case !code:
				found++
				if n := utf8.RuneCountInString(line); n > 72 {
					t.Errorf("%s: %d columns, may have 72: %s", name, n, line)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d lines of help found", found)
	}
}

// TestEncoding: 5.1 reads a file without byte order mark in the ANSI code
// page, so a file that holds other characters must have one.
func TestEncoding(t *testing.T) {
	bom := []byte("\xef\xbb\xbf")
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(".ps1.psm1.psd1.ps1xml.psrc.pssc.txt", filepath.Ext(path)) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !utf8.Valid(data) {
			t.Errorf("%s is not UTF-8", path)
		}
		ascii := !slices.ContainsFunc(bytes.TrimPrefix(data, bom), func(b byte) bool { return b >= 0x80 })
		if has := bytes.HasPrefix(data, bom); has == ascii {
			t.Errorf("%s: ASCII only is %v, byte order mark is %v", path, ascii, has)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRoleFunctionsExist(t *testing.T) {
	names := public(t)
	want := map[string][]string{
		"HcsNetRouteOperator": names,
		"HcsNetRouteViewer":   slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !regexp.MustCompile(`^(Get|Find|Test)-`).MatchString(n) }),
		"HcsNetRouteCleanup":  slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !regexp.MustCompile(`^(Get|Remove)-`).MatchString(n) }),
	}
	for role, functions := range want {
		text := read(t, filepath.Join(module, "RoleCapabilities", role+".psrc"))
		got := slices.DeleteFunc(list(t, text, "VisibleFunctions"), func(n string) bool { return n == "TabExpansion2" })
		slices.Sort(got)
		if !slices.Equal(got, functions) {
			t.Errorf("%s shows %v, want %v", role, got, functions)
		}
		if strings.Contains(text, "VisibleExternalCommands") {
			t.Errorf("%s shows a program", role)
		}
	}
	session := read(t, filepath.Join(module, "SessionConfiguration", "HcsNetRoute.pssc"))
	for _, m := range regexp.MustCompile(`RoleCapabilities = '(\w+)'`).FindAllStringSubmatch(session, -1) {
		if _, ok := want[m[1]]; !ok {
			t.Errorf("HcsNetRoute.pssc names the role %s", m[1])
		}
	}
}

// TestProxiedCommands: a restricted session replaces these by proxies that
// take few parameters, so functions call the originals by their full names.
func TestProxiedCommands(t *testing.T) {
	bare := regexp.MustCompile(`(?m)^[^#\n]*(?:^|[^\\\w-])(Select-Object|Measure-Object|Get-Command|Get-FormatData|Get-Help|Out-Default|Clear-Host|Exit-PSSession)\b`)
	comment := regexp.MustCompile(`(?s)<#.*?#>`)
	for _, folder := range []string{"Private", "Public"} {
		files, _ := filepath.Glob(filepath.Join(module, folder, "*.ps1"))
		for _, f := range append(files, filepath.Join(module, module+".psm1")) {
			if m := bare.FindString(comment.ReplaceAllString(read(t, f), "")); m != "" {
				t.Errorf("%s: %q", f, strings.TrimSpace(m))
			}
		}
	}
	if bare.FindString("$x | Select-Object -First 1") == "" {
		t.Error("the test finds nothing")
	}
}

// TestNoConsole: remoting has no console, and touching it throws there.
func TestNoConsole(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(module, "*", "*.ps1"))
	for _, f := range files {
		if text := read(t, f); strings.Contains(strings.ToLower(text), "[console]") {
			t.Errorf("%s uses [Console]", f)
		}
	}
}
