// Package guide holds the tests that type the commands of README.md and of the
// operator guide.
package guide
