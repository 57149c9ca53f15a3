package hostd

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hcsroute/hcsroute/store"
)

// archiveRoutes is how many routes one line of the log names: the journal cuts
// lines of more than 48 KiB.
const archiveRoutes = 200

// archived is an audit record as it leaves the store. What is empty is absent.
type archived struct {
	Sequence    uint64   `json:"sequence"`
	Time        string   `json:"time"`
	Actor       string   `json:"actor"`
	Certificate string   `json:"certificate,omitempty"`
	OnBehalfOf  string   `json:"on_behalf_of,omitempty"`
	Origin      string   `json:"origin,omitempty"`
	Action      string   `json:"action"`
	Revision    uint64   `json:"revision"`
	Before      []string `json:"before,omitempty"`
	After       []string `json:"after,omitempty"`
	Items       uint64   `json:"items"`
	Refused     uint64   `json:"refused,omitempty"`
	ItemsDigest string   `json:"items_digest,omitempty"`
	RequestID   string   `json:"request_id,omitempty"`
	Note        string   `json:"note,omitempty"`
	Damaged     string   `json:"damaged,omitempty"`
	Hash        string   `json:"hash"`
}

func archive(r store.AuditRecord) archived {
	digest := ""
	if r.ItemsDigest != [32]byte{} { // of a batch
		digest = hex.EncodeToString(r.ItemsDigest[:])
	}
	return archived{
		Sequence: r.Sequence, Time: r.Time.UTC().Format(time.RFC3339Nano), Actor: r.Caller.Actor, Certificate: r.Caller.Certificate,
		OnBehalfOf: r.Caller.OnBehalfOf, Origin: r.Caller.Origin, Action: r.Action, Revision: uint64(r.Revision), Before: r.Before, After: r.After,
		Items: r.Items, Refused: r.Refused, ItemsDigest: digest, RequestID: r.RequestID, Note: r.Note, Damaged: r.Damaged, Hash: hex.EncodeToString(r.Hash[:]),
	}
}

// archiver is where audit records go before they leave the store: a file of
// JSON lines, or the log where no file is configured.
func archiver(ctx context.Context, path string, log *slog.Logger) func([]store.AuditRecord) error {
	if path == "" {
		return func(recs []store.AuditRecord) error { return archiveToLog(ctx, log.Handler(), recs) }
	}
	return func(recs []store.AuditRecord) error { return archiveToFile(path, recs) }
}

// archiveToFile appends durably: the store deletes the records next. A line that
// a full disk or a crash has cut is left alone, and costs no other.
func archiveToFile(path string, recs []store.AuditRecord) (err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file of its own", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines, err := missingEnd(f)
	if err != nil {
		return err
	}
	for _, r := range recs {
		line, err := json.Marshal(archive(r))
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	if _, err := f.Write(lines); err != nil {
		return fmt.Errorf("%s: %w", filepath.Clean(path), err)
	}
	return f.Sync()
}

// missingEnd is the end of line that the file lacks.
func missingEnd(f *os.File) ([]byte, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return nil, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, size-1); err != nil || last[0] == '\n' {
		return nil, err
	}
	return []byte("\n"), nil
}

// archiveToLog writes a line for each record; one of many routes takes several.
// It is written at any level; a handler that refuses a line keeps the records.
func archiveToLog(ctx context.Context, h slog.Handler, recs []store.AuditRecord) error {
	for _, r := range recs {
		whole := archive(r)
		for first := true; first || len(whole.Before)+len(whole.After) > 0; first = false {
			part := whole
			part.Before, whole.Before = split(whole.Before)
			part.After, whole.After = split(whole.After)
			data, err := json.Marshal(part)
			if err != nil {
				return err
			}
			line := slog.NewRecord(time.Now(), slog.LevelInfo, "audit record leaves the store", 0)
			line.AddAttrs(slog.String("record", string(data)))
			if err := h.Handle(ctx, line); err != nil {
				return err
			}
		}
	}
	return nil
}

func split(list []string) (head, tail []string) {
	n := min(len(list), archiveRoutes)
	return list[:n], list[n:]
}
