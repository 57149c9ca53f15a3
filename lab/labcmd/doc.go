// Package labcmd is the program hcsroute-lab: up, demo, shell and run.
package labcmd
