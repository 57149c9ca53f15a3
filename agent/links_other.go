//go:build !linux

package agent

import (
	"context"
	"errors"
)

func linkChanges(context.Context) (<-chan struct{}, error) { return nil, errors.ErrUnsupported }
