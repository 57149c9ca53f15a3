// Package demo is the main job from end to end, shown to a newcomer: every
// line that it prints was checked against a kernel, and the first one that
// does not hold ends it with an error.
package demo
