// Package file reads what an operator declares of the device, from a YAML
// file that it reads again whenever it changes.
package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/internal/latest"
	"github.com/hcsroute/hcsroute/internal/filemode"
)

// debounce is how long the folder must be quiet before the file is read: an
// editor makes several events of one edit. maxDebounce bounds that where the
// folder is never quiet. recheck is how often the file is read without an
// event, for file systems that send none.
const (
	debounce    = 50 * time.Millisecond
	maxDebounce = 500 * time.Millisecond
	recheck     = time.Minute
)

// maxSize bounds the file in bytes; an inventory has a few kilobytes.
const maxSize = 1 << 20

// File is an inventory file. It implements hostvm.Declarations.
type File struct {
	latest.Value[hostvm.Declared]
	path string
}

// Open reads the file. A file that cannot be read, or holds what it must not,
// is an error that names the line; later edits like that leave the last good
// content in force.
func Open(path string) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("inventory file: %w", err)
	}
	f := &File{path: path}
	declared, err := f.load()
	if err != nil {
		return nil, err
	}
	f.Set(declared)
	return f, nil
}

// Declared implements hostvm.Declarations.
func (f *File) Declared() *hostvm.Declared { return f.Current() }

// Run reads the file again after each change until ctx ends. It watches the
// folder, so that a file replaced by rename is seen, too.
func (f *File) Run(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the inventory file: %w", err)
	}
	defer func() { _ = watcher.Close() }()
	if err := watcher.Add(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("watch the folder of the inventory file: %w", err)
	}
	quiet := time.NewTimer(0) // what changed between Open and Run
	defer quiet.Stop()
	var first time.Time // event that the file was not read after
	wait := func() {
		if first.IsZero() {
			first = time.Now()
		}
		quiet.Reset(min(debounce, maxDebounce-time.Since(first)))
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watcher.Events: // of any file: a link to it may be what changed
			wait()
		case <-watcher.Errors: //nolint:errcheck // events were lost; reading the file shows the rest
			wait()
		case <-quiet.C:
			first = time.Time{}
			f.reload()
			quiet.Reset(recheck)
		}
	}
}

// reload takes over the file's content, or says why it does not.
func (f *File) reload() {
	old := f.Current()
	declared, err := f.load()
	if err != nil {
		kept := *old
		kept.Problem = err.Error() + "; the last good content stays in force"
		declared = &kept
	}
	if !reflect.DeepEqual(old, declared) {
		f.Set(declared)
	}
}

func (f *File) load() (*hostvm.Declared, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("inventory file: %w", err)
	}
	if info.Size() > maxSize {
		return nil, fmt.Errorf("inventory file %s: %d bytes, more than %d", f.path, info.Size(), maxSize)
	}
	content, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("inventory file: %w", err)
	}
	declared, err := Parse(content)
	if err != nil {
		if at, ok := strings.CutPrefix(err.Error(), "line "); ok {
			return nil, fmt.Errorf("inventory file %s:%s", f.path, at) // as editors take it
		}
		return nil, fmt.Errorf("inventory file %s: %w", f.path, err)
	}
	declared.Exposed = filemode.Changeable(f.path)
	return declared, nil
}
