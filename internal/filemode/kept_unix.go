//go:build unix

package filemode

// kept tells that the system keeps modes.
const kept = true
