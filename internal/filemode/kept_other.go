//go:build !unix

package filemode

// kept says that the system keeps modes; this one has access lists instead.
const kept = false
