package cli

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// commandsOf are the words of the commands of this program on a page: those in
// backticks, and the lines of its blocks of code.
func commandsOf(page string) (all [][]string) {
	typed := regexp.MustCompile("`hcsroute\\s+([a-z][^`]*)`").FindAllStringSubmatch(page, -1)
	line := regexp.MustCompile(`(?m)^(?:    )?(?:\$ |hcsroute/bin/)?hcsroute (-{0,2}[a-z].*)$`)
	for _, block := range regexp.MustCompile("(?s)\n```[a-z]*\n.*?\n```|\n    [^\n]*").FindAllString(page, -1) {
		typed = append(typed, line.FindAllStringSubmatch(block, -1)...)
	}
	for _, m := range typed {
		command := regexp.MustCompile(`\s[#|>].*`).ReplaceAllString(m[1], "")
		all = append(all, strings.Fields(strings.NewReplacer("[", "", "]", "", `"`, "", "...", "").Replace(command)))
	}
	return all
}

// TestPagesNameCommands: the commands that the pages name exist, with their flags.
func TestPagesNameCommands(t *testing.T) {
	found := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		pages, err := filepath.Glob(filepath.Join("../..", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, words := range commandsOf(string(text)) {
				found++
				root := (&app{}).root()
				cmd, rest, err := root.Find(words)
				if err != nil || cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
					t.Errorf("%s: %q is no command: %v", page, words, err)
				} else if err := cmd.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
					t.Errorf("%s: %q: %v", page, words, err)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d commands found", found)
	}
}
