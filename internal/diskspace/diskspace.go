// Package diskspace asks how much room there is on the disk of a file.
package diskspace
