//go:build !unix

package filemode

// kept tells that the system keeps modes; this one has access lists instead.
const kept = false
