package journal

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestProtocols(t *testing.T) {
	dir := t.TempDir()
	open := func() *Journal {
		t.Helper()
		j, _, err := Open(Options{Dir: dir, Node: "n", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := open()
	if got, err := j.Protocols(); err != nil || len(got) > 0 {
		t.Errorf("at first %v, %v", got, err)
	}
	for _, want := range [][]uint8{{157}, {157, 160}, {160}} {
		if err := j.NoteProtocols(want); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open()
		if got, err := j.Protocols(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, protocolsName), []byte("157 x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := j.Protocols(); err == nil || len(got) > 0 {
		t.Errorf("a damaged file is %v", got)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
