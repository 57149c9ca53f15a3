// Package bench measures hcsroute on the lab: the real programs on real
// kernels in network namespaces, beside the bare limit of the same work and
// beside other programs that do it, interleaved in one run.
package bench
