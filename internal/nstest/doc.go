// Package nstest runs the tests of a package in a network namespace of their
// own, without root: the test binary starts itself again inside one.
package nstest
