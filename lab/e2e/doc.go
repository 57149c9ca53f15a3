// Package e2e tests the whole path: real programs, real bbolt files, real gRPC
// between real processes, real kernels in the lab's namespaces.
package e2e
