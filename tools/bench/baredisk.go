//go:build linux

package bench

import (
	"os"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
)

// bareDisk is what a store and a log cost at the least: bbolt, and a file that
// records are appended to.
type bareDisk struct {
	db    *bolt.DB
	log   *os.File
	size  int64
	value []byte
}

func openBareDisk(b *bench) (*bareDisk, error) {
	dir, err := b.tempDir("bare")
	if err != nil {
		return nil, err
	}
	d := &bareDisk{value: make([]byte, valueSize)}
	if d.db, err = bareStore(dir); err != nil {
		return nil, err
	}
	b.closers = append(b.closers, d.db.Close)
	if d.log, err = os.Create(dir + "/log"); err != nil {
		return nil, err
	}
	b.closers = append(b.closers, d.log.Close)
	return d, nil
}

// put is one durable transaction with one put.
func (d *bareDisk) put(r routes.Route) error { return d.putAll([]routes.Route{r}) }

func (d *bareDisk) putAll(set []routes.Route) error {
	return d.db.Update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket([]byte(bareBucket))
		for _, r := range set {
			if err := bucket.Put(routes.AppendKey(nil, r.Key()), d.value); err != nil {
				return err
			}
		}
		return nil
	})
}

// append appends one record and syncs it.
func (d *bareDisk) append() error {
	if _, err := d.log.WriteAt(d.value, d.size); err != nil {
		return err
	}
	d.size += int64(len(d.value))
	return unix.Fdatasync(int(d.log.Fd()))
}
