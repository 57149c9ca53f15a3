package boltstore

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func someRecords(t testing.TB) []routes.Record {
	t.Helper()
	var out []routes.Record
	for _, f := range []routes.Fields{
		{Interface: "Port3", Destination: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("192.168.20.1"), Metric: 1},
		{Interface: "Pört İ 3", Destination: netip.MustParsePrefix("2001:db8::/48"), NextHop: netip.MustParseAddr("fe80::1"), Metric: 65535},
		{Interface: "p", Destination: netip.MustParsePrefix("0.0.0.0/0"), NextHop: netip.MustParseAddr("0.0.0.0"), Metric: 256},
	} {
		r, err := routes.New(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, routes.Record{Route: r, Revision: 1 << 40, Created: 7, CreatedBy: "uid:0", CreatedTime: -1, ChangedTime: 1 << 60})
	}
	return out
}

func TestRecordRoundTrip(t *testing.T) {
	var r reader
	for _, rec := range someRecords(t) {
		key := routes.AppendKey(nil, rec.Route.Key())
		value := seal(key, appendRecord(nil, rec))
		got, err := r.record(key, value)
		if err != nil || got != rec {
			t.Fatalf("%+v %v, want %+v", got, err, rec)
		}
		for i := range value {
			if _, err := r.record(key, value[:i]); err == nil {
				t.Fatalf("%d of %d bytes were read", i, len(value))
			}
		}
		rec.Removed = true
		got, waiting, err := r.tombstone(key, seal(key, appendTombstone(nil, rec, []string{"a", "b"})))
		if err != nil || got != rec || len(waiting) != 2 {
			t.Fatalf("%+v %q %v", got, waiting, err)
		}
		// A key of another interface, and a tombstone that nobody waits for.
		other := rec.Route.Key()
		other.Interface = "port4"
		if _, err := r.record(routes.AppendKey(nil, other), seal(routes.AppendKey(nil, other), appendRecord(nil, rec))); err == nil {
			t.Fatal("the record of another key was read")
		}
		if _, _, err := r.tombstone(key, seal(key, appendTombstone(nil, rec, nil))); err == nil {
			t.Fatal("a tombstone without nodes was read")
		}
	}
}

// FuzzRecord: whatever is read is a valid route, and is written as it was.
func FuzzRecord(f *testing.F) {
	for _, rec := range someRecords(f) {
		f.Add(routes.AppendKey(nil, rec.Route.Key()), appendRecord(nil, rec))
		f.Add(routes.AppendKey(nil, rec.Route.Key()), appendTombstone(nil, rec, []string{"a"}))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		var r reader
		if rec, err := r.record(key, seal(key, bytes.Clone(value))); err == nil {
			if _, err := routes.New(rec.Route.Fields()); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(routes.AppendKey(nil, rec.Route.Key()), key) || !bytes.Equal(appendRecord(nil, rec), value) {
				t.Fatalf("%x %x was read as %+v", key, value, rec)
			}
		}
		if rec, waiting, err := r.tombstone(key, seal(key, bytes.Clone(value))); err == nil && !bytes.Equal(appendTombstone(nil, rec, waiting), value) {
			t.Fatalf("%x %x was read as %+v %q", key, value, rec, waiting)
		}
	})
}

func someAudit(t testing.TB) *auditEntry {
	r := &auditEntry{AuditRecord: store.AuditRecord{
		Sequence: 5, Time: time.Unix(1, 2), Caller: store.Caller{Actor: "a", Certificate: "d", OnBehalfOf: "b", Origin: "c"}, Action: "add", Revision: 9,
		Items: 3, Refused: 1, ItemsDigest: [32]byte{1}, RequestID: "r", Note: "n",
	}, own: 7}
	for _, rec := range someRecords(t) {
		r.after = append(r.after, rec.Route, numbered(1), numbered(2))
	}
	r.before = r.after[1:3]
	r.Before, r.After = texts(r.before), texts(r.after)
	return r
}

// oldAudit is a record as format 1 wrote it.
func oldAudit(r *auditEntry) []byte {
	b := []byte{1}
	b = binary.AppendUvarint(b, r.Sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time.UnixNano()))
	for _, s := range []string{r.Caller.Actor, r.Caller.OnBehalfOf, r.Caller.Origin, r.Action} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(r.Revision))
	for _, list := range [][]string{r.Before, r.After} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	b = binary.AppendUvarint(b, r.Items)
	b = append(b, r.ItemsDigest[:]...)
	b = appendText(b, r.RequestID)
	return appendText(b, r.Note)
}

// FuzzStored: the other decoders refuse or read exactly what is written again.
func FuzzStored(f *testing.F) {
	audit := someAudit(f)
	f.Add(append(appendAudit(nil, audit), make([]byte, 32)...))
	f.Add(state{version: routes.Version{StoreID: "id", Epoch: 1}}.append(nil))
	f.Add(request{answer: []byte("x")}.append(nil))
	f.Add(appendNode(nil, store.KnownNode{ID: "a", Name: "b", Since: time.Unix(0, 5)}))
	f.Fuzz(func(t *testing.T, value []byte) {
		same := func(again []byte) {
			t.Helper()
			if !bytes.Equal(again, value) {
				t.Fatalf("%x is written again as %x", value, again)
			}
		}
		if r, err := decodeAudit(value); err == nil && value[0] == auditFormat {
			same(append(appendAudit(nil, r), r.Hash[:]...))
		}
		if s, err := decodeState(value); err == nil {
			same(s.append(nil))
		}
		if r, err := decodeRequest(value); err == nil {
			same(r.append(nil))
		}
		if n, err := decodeNode([]byte("a"), value); err == nil {
			same(appendNode(nil, n))
		}
	})
}

func TestAuditRoundTrip(t *testing.T) {
	want := someAudit(t)
	got, err := decodeAudit(append(appendAudit(nil, want), want.Hash[:]...))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v %v, want %+v", got, err, want)
	}
	// Records of earlier releases are read as well.
	got, err = decodeAudit(append(oldAudit(want), want.Hash[:]...))
	want.before, want.after, want.Refused, want.Caller.Certificate, want.own = nil, nil, 0, "", want.Time.UnixNano()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v %v, want %+v", got, err, want)
	}
}
