package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hcsroute/hcsroute/routes"
)

// taken says that the file at path is not, or not any more, the open one:
// somebody has deleted, moved or replaced it. What is written from then on
// would be lost when the process ends.
func (h *handle) taken(path string) error {
	now, err := os.Lstat(path)
	switch {
	case err == nil && os.SameFile(now, h.info):
		return nil
	case err == nil:
		err = errors.New("another file is in its place")
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("it was deleted or moved")
	default:
		err = fmt.Errorf("it cannot be found any more: %w", err)
	}
	e := failed(path, fmt.Errorf("under the running service: %w", err))
	e.Action = "Save what the service still holds with hcsroute backup, stop the service, and put the backup in place with hcsroute restore"
	return e
}

// look stops the store where its file was taken away, also when nobody writes.
func (s *Store) look() {
	if s.stopped != nil {
		return
	}
	if err := s.h.taken(s.path); err != nil {
		_ = s.stop(err)
	}
}

// asFailure is err as the STORE_FAILED that ends writing.
func asFailure(path string, err error) *routes.Error {
	var e *routes.Error
	if errors.As(err, &e) && e.Reason == routes.StoreFailed {
		return e
	}
	return failed(path, err)
}
