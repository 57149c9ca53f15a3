package jsonl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/routes"
)

// changesOf is a request with three items; each of sets and removals has its revision.
func changesOf(op string, revision int) string {
	var items []string
	for i := range 3 {
		item := fmt.Sprintf(`{"interface":"Port3","destination":"10.1.%d.0/24","next_hop":"192.168.20.1"`, i)
		switch op {
		case "add":
			item += `,"metric":100`
		case "set":
			item += fmt.Sprintf(`,"metric":"50","expected_revision":"%d"`, revision)
		case "remove":
			item += fmt.Sprintf(`,"expected_revision":%d`, revision)
		}
		items = append(items, item+"}")
	}
	return fmt.Sprintf(`{"v":1,"id":"%s","op":"%s","routes":[%s]}`+"\n", op, op, strings.Join(items, ","))
}

// TestItemsAreOneCall, whatever is done with them.
func TestItemsAreOneCall(t *testing.T) {
	m := clitest.Start(t, clitest.Options{})
	s := start(t, m.Address)
	for revision, op := range []string{"add", "set", "remove"} {
		s.send(changesOf(op, revision))
		if lines := s.answer(); !strings.Contains(lines[len(lines)-1], `"refused":0`) {
			t.Errorf("%s: %q", op, lines)
		}
	}
	if got := fmt.Sprint(m.Batches()); got != "[3 3 3]" {
		t.Errorf("calls with %s items", got)
	}
}

// TestAServiceThatDies: what has a done is stored, and no request has one whose
// call it left without an answer.
func TestAServiceThatDies(t *testing.T) {
	m := clitest.Start(t, clitest.Options{})
	s := start(t, m.Address)
	s.send(changesOf("add", 0))
	if lines := s.answer(); !strings.Contains(lines[len(lines)-1], `"created":3`) {
		t.Fatalf("%q", lines)
	}
	m.Stop()
	s.send(changesOf("set", 1))
	lines := s.answer()
	if len(lines) != 1 || !strings.Contains(lines[0], `"reason":"UNAVAILABLE"`) || !strings.Contains(lines[0], `"fatal":true`) {
		t.Errorf("%q", lines)
	}
	if err := s.finish(); routes.ReasonOf(err) != routes.Unavailable {
		t.Errorf("ends with %v", err)
	}
	m.Restart(t)
	s = start(t, m.Address)
	s.send(`{"v":1,"id":"get","op":"get"}` + "\n")
	if lines := s.answer(); strings.Count(lines[0], `"metric":100`) != 3 {
		t.Errorf("stored: %q", lines)
	}
}
