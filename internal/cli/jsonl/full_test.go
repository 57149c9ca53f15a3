package jsonl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// TestADestinationThatIsFull: what has room at a destination is stored, what has none is
// an error of its own, also where it is only checked.
func TestADestinationThatIsFull(t *testing.T) {
	const port = `{"interface":"Port3","destination":"192.168.21.0/24"`
	var rows []string
	for i := range routes.MaxPerDestination + 2 {
		rows = append(rows, fmt.Sprintf(port+`,"next_hop":"192.168.20.%d","metric":%d}`, 100+i, 1+i))
	}
	lines, err := runAll(t, `{"v":1,"id":"a","op":"add","routes":[`+strings.Join(rows, ",")+"]}\n"+
		`{"v":1,"id":"b","op":"add","validate_only":true,"routes":[`+rows[len(rows)-1]+"]}\n"+
		`{"v":1,"id":"c","op":"set","routes":[`+port+`,"next_hop":"192.168.20.100","new_next_hop":"192.168.20.200"}]}`+"\n")
	if err != nil {
		t.Fatal(err)
	}
	var errs []string
	for _, line := range lines {
		if strings.Contains(line, `"type":"error"`) {
			errs = append(errs, line)
		}
	}
	want := []string{`"id":"a","type":"error","index":64,`, `"id":"a","type":"error","index":65,`, `"id":"b","type":"error","index":0,`, `"id":"c","type":"error","index":0,`}
	if len(errs) != len(want) {
		t.Fatalf("errors %q", errs)
	}
	const refusal = `"reason":"DESTINATION_FULL","error_id":"DestinationFull","category":"LimitsExceeded","exit":4,"field":"destination","value":"192.168.21.0/24"`
	for i, line := range errs {
		if !strings.Contains(line, want[i]+refusal) || !strings.Contains(line, `"params":{"count":"64","limit":"64"}`) {
			t.Errorf("error %d is %s", i, line)
		}
	}
}
