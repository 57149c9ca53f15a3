//go:build !linux

package hostd

const chown = 0
