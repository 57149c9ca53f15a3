// Command testrun runs go test and prints an honest summary: what passed,
// what failed, and what was skipped and why. With CI=true a skip that
// .ci/skips does not declare fails the run.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun: cannot start go test:", err)
		os.Exit(2)
	}
	s := newSummary(os.Stdout)
	readErr := read(stdout, s)
	runErr := cmd.Wait()
	declared, err := loadDeclared(".ci/skips")
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(2)
	}
	ok := s.print(declared, os.Getenv("CI") == "true")
	if readErr != nil || runErr != nil || !ok {
		os.Exit(1)
	}
}

// event is a line of go test -json (see go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

func read(r io.Reader, s *summary) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 8<<20)
	for scanner.Scan() {
		var e event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			fmt.Fprintln(os.Stderr, scanner.Text())
			continue
		}
		s.add(e)
	}
	return scanner.Err()
}
