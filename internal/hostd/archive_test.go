package hostd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/store"
)

func someRecords() []store.AuditRecord {
	big := store.AuditRecord{Sequence: 2, Time: time.Unix(1, 0), Caller: store.Caller{Actor: "cn:ann", Certificate: "serial 1"}, Action: "batch-add", Items: 450, Hash: [32]byte{2}}
	for n := range 450 {
		big.After = append(big.After, fmt.Sprintf("route %d", n))
	}
	return []store.AuditRecord{{Sequence: 1, Time: time.Unix(1, 0), Caller: store.Caller{Actor: "uid:0"}, Action: "add", After: []string{"route"}, Hash: [32]byte{1}}, big}
}

func TestArchiveFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	write := archiver(t.Context(), path, nil)
	must(t, write(someRecords()))
	must(t, write(someRecords()[:1])) // what is there stays
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	var got []archived
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r archived
		must(t, json.Unmarshal(lines.Bytes(), &r))
		got = append(got, r)
	}
	if len(got) != 3 || got[1].Sequence != 2 || len(got[1].After) != 450 || got[1].Certificate != "serial 1" || got[2].Sequence != 1 || !strings.HasPrefix(got[0].Hash, "0100") {
		t.Fatalf("%+v", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	must(t, os.Remove(path))
	must(t, os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), path))
	if err := write(someRecords()); err == nil {
		t.Error("a link was followed")
	}
	if err := archiver(t.Context(), filepath.Join(path, "no", "folder"), nil)(someRecords()); err == nil {
		t.Error("written nowhere")
	}
}

// TestNothingOfARecordIsLost: whatever the store knows of a change is in its line.
func TestNothingOfARecordIsLost(t *testing.T) {
	rec := store.AuditRecord{
		Sequence: 1, Time: time.Unix(1, 0), Caller: store.Caller{Actor: "a", Certificate: "c", OnBehalfOf: "o", Origin: "l"}, Action: "batch-add", Revision: 2,
		Before: []string{"b"}, After: []string{"a"}, Items: 3, Refused: 1, ItemsDigest: [32]byte{4}, RequestID: "r", Note: "n", Hash: [32]byte{5}, Damaged: "d",
	}
	known := leaves(t, reflect.ValueOf(rec))
	if archived := leaves(t, reflect.ValueOf(archive(rec))); archived != known {
		t.Errorf("%d of %d fields are archived", archived, known)
	}
	if plain := archive(store.AuditRecord{}); plain.ItemsDigest != "" {
		t.Errorf("a change without a batch has the digest %s", plain.ItemsDigest)
	}
}

// leaves counts the fields of a struct, each of which must be set.
func leaves(t *testing.T, v reflect.Value) (n int) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
		if f.Type() == reflect.TypeFor[store.Caller]() {
			n += leaves(t, f)
		} else {
			n++
		}
	}
	return n
}

// TestArchiveAfterACut: what was cut spoils nothing of what comes after it.
func TestArchiveAfterACut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	must(t, os.WriteFile(path, []byte(`{"sequence":1,"ti`), 0o600))
	for range 2 {
		must(t, archiver(t.Context(), path, nil)(someRecords()[:1]))
	}
	data, err := os.ReadFile(path)
	must(t, err)
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	var r archived
	if len(lines) != 3 {
		t.Fatalf("%q", lines)
	}
	for _, line := range lines[1:] {
		must(t, json.Unmarshal([]byte(line), &r))
	}
}

func TestArchiveLog(t *testing.T) {
	var out bytes.Buffer
	// Also where the log takes errors only.
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelError}))
	must(t, archiver(t.Context(), "", log)(someRecords()))
	routes := map[uint64]int{}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		var line struct{ Record string }
		must(t, json.Unmarshal(lines.Bytes(), &line))
		var r archived
		must(t, json.Unmarshal([]byte(line.Record), &r))
		if len(lines.Bytes()) > 48<<10 || len(r.After) > archiveRoutes {
			t.Errorf("a line of %d bytes", len(lines.Bytes()))
		}
		routes[r.Sequence] += len(r.After)
	}
	if routes[1] != 1 || routes[2] != 450 {
		t.Fatalf("%v", routes)
	}
	if err := archiver(t.Context(), "", slog.New(slog.NewTextHandler(brokenWriter{}, nil)))(someRecords()); err == nil {
		t.Error("a line that was not written counts as written")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }
