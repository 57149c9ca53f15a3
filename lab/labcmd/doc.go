// Package labcmd is the program hcsroute-lab: up, demo, shell, run and bench.
package labcmd
