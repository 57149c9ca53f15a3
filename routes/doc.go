// Package routes is the domain of hcsroute: what a custom route is, which
// routes are refused and why, and what a set of them means.
//
// It is pure: no I/O, no clock, standard library only. New is the only way to
// a valid Route, and every boundary (proto, store, JSON, CLI) goes through it.
// Rules that need facts of the device are in Check, rules that need the other
// stored routes in Decide; both take those facts as values.
package routes
