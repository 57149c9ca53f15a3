package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hcsroute/hcsroute/routes"
)

// foreign refuses to make files where others could lead them elsewhere.
func foreign(path, problem string) error {
	return &routes.Error{
		Reason: routes.PermissionDenied, Field: "store", Value: path, Problem: problem,
		Action: "Check that this is the service's store; give file and folder to the service's user, mode 0600 and 0700",
	}
}

// present is the file at path, nil where there is none.
func present(path string) (os.FileInfo, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}

// exclusive opens a file that it makes, and nothing that is there already.
func exclusive(name string, flag int, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag|os.O_CREATE|os.O_EXCL, mode)
}

// keepAside gives the present file a second name that is free yet, and returns it.
func keepAside(path string) (string, error) {
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.before-restore.%d", path, n)
		err := os.Link(path, aside)
		switch {
		case err == nil:
			return aside, nil
		case errors.Is(err, fs.ErrNotExist):
			return "", nil
		case !errors.Is(err, fs.ErrExist):
			return "", fmt.Errorf("the present file cannot be kept: %w", err)
		}
	}
}
