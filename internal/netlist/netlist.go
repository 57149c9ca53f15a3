// Package netlist takes lists from the kernel whole, or not at all.
package netlist
