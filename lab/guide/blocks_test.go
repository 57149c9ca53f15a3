//go:build linux

package guide

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// block is what a page has its reader type in one place, and what the last of
// the commands shows.
type block struct {
	page, heading, where string
	first                int // number of the line in the page
	lines                []string
	shown                string
}

// machines are the machines that the first line of a block names.
func machines() map[string][]string {
	return map[string][]string{
		"# on the host":                  {"host"},
		"# in k8s-master":                {"k8s-master"},
		"# in k8s-worker":                {"k8s-worker"},
		"# in each node":                 {"k8s-master", "k8s-worker"},
		"# on the host and in each node": {"host", "k8s-master", "k8s-worker"},
		"# at the authority":             {"authority"},
	}
}

// blocks reads the blocks of commands of a page, or of its section of that name.
// Commands anywhere else than in a block that says where it is typed are an error.
func blocks(page, section string) (list []block, err error) {
	var heading, fence string
	indented := regexp.MustCompile(`^    \S`)
	for i, line := range strings.Split(page, "\n") {
		if fence == "" && strings.HasPrefix(line, "## ") {
			heading = strings.TrimPrefix(line, "## ")
		}
		if section != "" && heading != section {
			continue
		}
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = strings.TrimPrefix(line, "```")
			if fence == "sh" {
				list = append(list, block{heading: heading, first: i + 2})
			} else if fence == "text" && len(list) == 0 {
				return nil, fmt.Errorf("line %d: output of no command", i+1)
			}
		case fence == "" && indented.MatchString(line):
			return nil, fmt.Errorf("line %d: not in a block that says where it is typed: %s", i+1, line)
		case line == "```":
			fence = ""
		case fence == "sh":
			last := &list[len(list)-1]
			if last.where != "" {
				last.lines = append(last.lines, line)
			} else if last.where = line; machines()[line] == nil {
				return nil, fmt.Errorf("line %d: the block does not begin with where it is typed: %s", i+1, line)
			}
		case fence == "text":
			list[len(list)-1].shown += line + "\n"
		}
	}
	return list, nil
}

// shows reports whether an output is what a page shows: the same lines, whatever
// blanks are between their words; "..." stands for any lines, or any words.
func shows(output, page string) bool {
	var pattern strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(page), "\n") {
		words := strings.Fields(line)
		for i, w := range words {
			words[i] = strings.ReplaceAll(regexp.QuoteMeta(w), `\.\.\.`, `.*`)
		}
		if len(words) == 1 && words[0] == ".*" {
			pattern.WriteString(`(.*\n)*`)
			continue
		}
		pattern.WriteString(`\s*` + strings.Join(words, `[ \t]+`) + `\s*\n`)
	}
	return regexp.MustCompile(`^` + pattern.String() + `$`).MatchString(strings.TrimSpace(output) + "\n")
}

func TestBlocks(t *testing.T) {
	list, err := blocks("# Page\n## Use\n\n```sh\n# in each node\nls\ndate\n```\n\n```text\nnow\n```\n```yaml\na: b\n```\n## Others\n```sh\nls\n```\n", "Use")
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if b := list[0]; b.heading != "Use" || b.where != "# in each node" || b.first != 5 || len(b.lines) != 2 || b.shown != "now\n" {
		t.Errorf("%+v", b)
	}
	for _, page := range []string{"Text\n\n    hcsroute get\n", "```sh\nls\n```\n", "```sh\n# at home\nls\n```\n", "```text\nout\n```\n"} {
		if list, err := blocks(page, ""); err == nil {
			t.Errorf("%q is accepted: %+v", page, list)
		}
	}
}

func TestShows(t *testing.T) {
	for _, c := range []struct {
		output, page string
		want         bool
	}{
		{"a  b\nc\n", "a b\nc\n", true},
		{"a b\n", "a b c\n", false},
		{"a b\nmore\n", "a b\n", false},
		{"at 12:30 done\n", "at ... done\n", true},
		{"one\ntwo\nthree\n", "one\n...\nthree\n", true},
		{"one\nthree\n", "one\n...\nthree\n", true},
		{"one\ntwo\n", "one\n...\nthree\n", false},
		{"a.b\n", "axb\n", false},
	} {
		if got := shows(c.output, c.page); got != c.want {
			t.Errorf("%q shows %q: %v, want %v", c.output, c.page, got, c.want)
		}
	}
}
