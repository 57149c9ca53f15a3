//go:build linux

package lab_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hcsroute/hcsroute/lab"
)

// helperVar makes the test binary another program: one that runs in a lab of
// its own, to be killed, or one that runs inside a lab.
const helperVar = "HCSROUTE_LAB_TEST_HELPER"

func runHelper(ctx context.Context, name string) int {
	switch name {
	case "sleep":
		fmt.Println("asleep")
		time.Sleep(time.Hour)
	case "term":
		return awaitTerm()
	case "netns":
		link, err := os.Readlink("/proc/self/ns/net")
		fmt.Print(link)
		return exit(err)
	case "lab", "lab-term", "lab-plain", "lab-cancel":
		return runLab(ctx, name)
	}
	return 2
}

func exit(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func awaitTerm() int {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	fmt.Println("waiting")
	<-c
	return 7
}

// runLab is a program in a lab of its own, with a child in a namespace.
func runLab(ctx context.Context, name string) int {
	outside := ctx
	if name == "lab-cancel" {
		var cancel context.CancelFunc
		outside, cancel = signal.NotifyContext(ctx, syscall.SIGUSR1)
		defer cancel()
	}
	entry, err := lab.Enter(outside, lab.EnterOptions{PlainRoot: name == "lab-plain"})
	if err != nil {
		return exit(err)
	}
	if !entry.Inside {
		return entry.ExitCode
	}
	l, err := lab.New(ctx, lab.Options{})
	if err != nil {
		return exit(err)
	}
	_, err = l.Start(ctx, lab.ProcessOptions{Name: "sleep", NS: l.NS("k8s-master"), Path: "/proc/self/exe", Env: []string{helperVar + "=sleep"}})
	if err != nil {
		return exit(err)
	}
	fmt.Println(l.StateDir)
	if name == "lab-term" {
		return awaitTerm()
	}
	time.Sleep(time.Hour)
	return 0
}
