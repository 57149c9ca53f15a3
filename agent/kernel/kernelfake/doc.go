// Package kernelfake is a kernel.Kernel in memory with Linux' semantics of
// routes, and with faults on demand: any errno for any kind of change, lost
// answers, failing reads, overruns. The conformance suite of package
// kerneltest runs on it and on the real kernel.
package kernelfake
