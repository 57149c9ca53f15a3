// Package guide holds the tests that type what README.md and the operator guide
// tell their readers to type.
package guide
