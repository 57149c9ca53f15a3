//go:build !linux

package linkwatch

import (
	"context"
	"errors"
)

// Open is supported on Linux only.
func Open(context.Context) (*Watch, error) { return nil, errors.ErrUnsupported }
