package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// childOnly marks the half of a test that runs in a process of its own, which
// its other half starts: run by itself it is no test, neither passed nor skipped.
const childOnly = "only as a child of"

type testKey struct{ pkg, test string }

type summary struct {
	out                     io.Writer
	output                  map[testKey][]string
	running                 map[testKey]bool
	passed, failed, skipped int
	skips                   []skip
	failures                []testKey
	buildOutput             []string
}

type skip struct {
	key    testKey
	reason string
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, output: map[testKey][]string{}, running: map[testKey]bool{}}
}

func (s *summary) add(e event) {
	key := testKey{e.Package, e.Test}
	switch e.Action {
	case "run":
		s.running[key] = true
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "build-output":
		s.buildOutput = append(s.buildOutput, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.packageDone(e)
			return
		}
		s.testDone(key, e.Action)
	}
}

func (s *summary) testDone(key testKey, action string) {
	delete(s.running, key)
	switch action {
	case "pass":
		s.passed++
		delete(s.output, key)
	case "skip":
		why := reason(s.output[key])
		if strings.Contains(why, childOnly) {
			return
		}
		s.skipped++
		s.skips = append(s.skips, skip{key, why})
	case "fail":
		s.failed++
		s.failures = append(s.failures, key)
	}
}

func (s *summary) packageDone(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.out, "ok      %-28s %6.1fs\n", short(e.Package), e.Elapsed)
	case "fail":
		fmt.Fprintf(s.out, "FAILED  %-28s %6.1fs\n", short(e.Package), e.Elapsed)
		for key := range s.running { // the process died in them, or ran out of time
			if key.pkg == e.Package {
				s.testDone(key, "fail")
			}
		}
		if !slices.ContainsFunc(s.failures, func(k testKey) bool { return k.pkg == e.Package }) {
			s.failed++ // it did not build, or died outside a test
			s.failures = append(s.failures, testKey{pkg: e.Package})
		}
	}
}

// short is a package's name without the module's.
func short(pkg string) string {
	return strings.TrimPrefix(pkg, "github.com/hcsroute/hcsroute/")
}

// reason is the last line that a skipped test printed.
func reason(lines []string) string {
	text := ""
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		text = line
	}
	return text
}

// print ends the run; it reports whether everything is as it should be.
func (s *summary) print(allowed []*regexp.Regexp, ci bool) bool {
	for _, line := range s.buildOutput {
		fmt.Fprint(s.out, line)
	}
	for _, key := range s.failures {
		fmt.Fprintf(s.out, "\n--- FAILED %s %s\n", key.pkg, key.test)
		for _, line := range s.output[key] {
			fmt.Fprint(s.out, line)
		}
	}
	undeclared := 0
	for _, k := range s.skips {
		name := short(k.key.pkg) + "." + k.key.test
		note := ""
		if !slices.ContainsFunc(allowed, func(re *regexp.Regexp) bool { return re.MatchString(name) }) {
			undeclared++
			note = " (CI does not accept this skip)"
		}
		fmt.Fprintf(s.out, "SKIPPED %s: %s%s\n", name, k.reason, note)
	}
	fmt.Fprintf(s.out, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if ci && undeclared > 0 {
		fmt.Fprintf(s.out, "%d skips are not declared in .ci/skips: in CI that fails\n", undeclared)
		return false
	}
	return s.failed == 0 && s.passed > 0
}

// loadDeclared reads the skips that .ci/skips allows, lines of a pattern for
// "package.Test", #, and why.
func loadDeclared(path string) ([]*regexp.Regexp, error) {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var list []*regexp.Regexp
	scanner := bufio.NewScanner(file)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, why, ok := strings.Cut(line, "#")
		if !ok || strings.TrimSpace(why) == "" {
			return nil, fmt.Errorf("%s:%d: a declared skip says why: pattern # reason", path, n)
		}
		re, err := regexp.Compile(strings.TrimSpace(pattern))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		list = append(list, re)
	}
	return list, scanner.Err()
}
