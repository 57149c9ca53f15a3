//go:build unix

package filemode

// kept says that the system keeps modes.
const kept = true
