package journal

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// TestALogWithoutAuthenticators: the log of an earlier release is read as it
// is, and what follows is written in this release's format.
func TestALogWithoutAuthenticators(t *testing.T) {
	s := build(t, 0)
	b, start := beginRecord(nil, kindHeader)
	b = appendString(appendString(append(b, formatPlain), "k8s-master"), s.Version.StoreID)
	b = endRecord(binary.AppendUvarint(binary.AppendUvarint(b, s.Version.Epoch), 0), start)
	b, start = beginRecord(b, kindSet)
	b = append(binary.AppendUvarint(binary.AppendUvarint(b, 0), 0), s.Version.Digest.Bytes()...)
	b = endRecord(appendPorts(b, s.Ports), start)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, logName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	j, got, log := open(t, dir)
	if got.Version != s.Version || got.Authenticator != nil || !got.Ports.Equal(s.Ports) {
		t.Fatalf("read %+v, want %+v; log %s", got, s, log)
	}
	for n := range 2 {
		c := change(t, &got, route(t, n, 256), false)
		c.Authenticator = []byte{1, byte(n)}
		got.Authenticator = c.Authenticator
		if err := j.Append(&got, c); err != nil {
			t.Fatal(err)
		}
		next, again, log := reopen(t, j)
		j = next
		if again.Version != got.Version || string(again.Authenticator) != string(c.Authenticator) {
			t.Fatalf("after change %d it holds %+v; log %s", n, again, log)
		}
	}
}
