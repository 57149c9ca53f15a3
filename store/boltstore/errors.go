package boltstore

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/hcsroute/hcsroute/routes"
)

func errClosed() error {
	return &routes.Error{Reason: routes.Unavailable, Problem: "the store is closed"}
}

// failed is a STORE_FAILED. The path is named: it is what the operator looks at.
func failed(path string, cause error) *routes.Error {
	return &routes.Error{Reason: routes.StoreFailed, Field: "store", Value: path, Problem: cause.Error(), Cause: cause}
}

func diskFull(path string, cause error) *routes.Error {
	return &routes.Error{Reason: routes.DiskFull, Field: "store", Value: path, Problem: cause.Error(), Cause: cause}
}

// outOfSpace says that err means a full disk or quota. EFBIG is a size limit
// of the process or file system. bbolt gives the error of growing the file as
// text only (db.grow), so there the text decides.
func outOfSpace(err error) bool {
	full := fullErrors()
	for _, e := range full {
		if errors.Is(err, e) {
			return true
		}
	}
	if errors.Is(err, berrors.ErrMaxSizeReached) {
		return true
	}
	text := err.Error()
	if !strings.HasPrefix(text, "file resize error: ") && !strings.HasPrefix(text, "file sync error: ") {
		return false
	}
	for _, e := range full {
		if strings.HasSuffix(text, e.Error()) {
			return true
		}
	}
	return false
}

// damage is what was found wrong in the file.
type damage struct{ problem string }

func (d *damage) Error() string { return d.problem }

func damaged(format string, args ...any) error { return &damage{problem: fmt.Sprintf(format, args...)} }

// named gives damage the path and the Reason; other errors pass.
func named(path string, err error) error {
	var d *damage
	if errors.As(err, &d) {
		return failed(path, err)
	}
	return err
}

// guard calls fn and turns a panic, also a fault in the mapped file (a file
// cut short under us is SIGBUS), into an error.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damaged("the file is damaged: %v", p)
		}
	}()
	return fn()
}
