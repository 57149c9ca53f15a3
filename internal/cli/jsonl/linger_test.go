package jsonl_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/internal/cli/jsonl"
)

// TestWatchLingers ends the input of a watch first: without linger the program
// ends after IN_SYNC, with it only when it is asked to.
func TestWatchLingers(t *testing.T) {
	for _, linger := range []bool{false, true} {
		request := `{"v":1,"id":"1","op":"watch"}`
		if linger {
			request = `{"v":1,"id":"1","op":"watch","linger":true}`
		}
		address := clitest.Start(t, clitest.Options{}).Address
		out, write := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		end := make(chan error, 1)
		go func() {
			err := jsonl.Run(ctx, jsonl.Options{In: strings.NewReader(request + "\n"), Out: write, Client: connect(t, address)})
			_ = write.Close()
			end <- err
		}()
		events := make([]byte, 4096)
		n, err := out.Read(events)
		if err != nil || !strings.Contains(string(events[:n]), "IN_SYNC") {
			t.Fatalf("linger %v: read %q, %v", linger, events[:n], err)
		}
		if !linger {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			if err := <-end; err != nil {
				t.Errorf("without linger: Run returned %v", err)
			}
			continue
		}
		add := start(t, address)
		add.send(`{"v":1,"id":"1","op":"add","routes":[{"interface":"Port3","destination":"192.168.21.0/24","next_hop":"192.168.20.1"}]}` + "\n")
		add.answer()
		if n, err = out.Read(events); err != nil || !strings.Contains(string(events[:n]), "192.168.21.0/24") {
			t.Errorf("no event after the input's end: %q, %v", events[:n], err)
		}
		cancel()
		go func() { _, _ = io.Copy(io.Discard, out) }()
		if err := <-end; err == nil {
			t.Error("a cancelled watch returned no error")
		}
	}
}
