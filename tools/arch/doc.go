// Package arch holds the tests that keep the architecture as it is described:
// who may import whom, and the shape of files and packages.
package arch
