// Package lab brings up the vendor's diagram on real kernels: host, Kubernetes
// nodes with their pods, cameras behind a gateway and an internet side, each in
// a network namespace of its own.
//
// It needs neither root nor any system program. [Enter] runs the current
// program again in a user, mount, network and process namespace; [New] builds
// the network there. When the program ends, however it ends, the kernel takes
// all of it down.
package lab
