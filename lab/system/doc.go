// Package system runs the real service and one real agent for each node in the
// lab's network: what the demo shows and the end-to-end tests test.
package system
