//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// UnavailableError says that this system forbids what the lab needs.
type UnavailableError struct {
	// Problem names what was refused and the setting behind it.
	Problem string
	// Action says how to run the lab otherwise.
	Action string
	cause  error
}

// Error returns problem and action.
func (e *UnavailableError) Error() string {
	return "lab: " + e.Problem + "; " + e.Action
}

// Unwrap returns what the kernel said.
func (e *UnavailableError) Unwrap() error { return e.cause }

// refusedError is one mode that failed before the program ran.
type refusedError struct {
	mode mode
	err  error
}

func (e *refusedError) Error() string { return fmt.Sprintf("%s: %v", e.mode.name, e.err) }
func (e *refusedError) Unwrap() error { return e.err }

// setting is a sysctl that can forbid the lab.
type setting struct {
	name, path string
	bad        func(value string) bool
	fix        string
	// users is set where root is exempt.
	users bool
}

func settings() []setting {
	zero := func(v string) bool { return v == "0" }
	list := []setting{
		{"kernel.apparmor_restrict_unprivileged_userns", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", func(v string) bool { return v != "0" }, "0", true},
		{"kernel.unprivileged_userns_clone", "/proc/sys/kernel/unprivileged_userns_clone", zero, "1", true},
	}
	for _, kind := range []string{"user", "net", "mnt", "pid"} {
		name := "max_" + kind + "_namespaces"
		list = append(list, setting{"user." + name, "/proc/sys/user/" + name, zero, "10000", false})
	}
	return list
}

// diagnose turns what the kernel refused into a text that names the setting.
func diagnose(refused []error) error {
	root := os.Geteuid() == 0
	var found, fixes []string
	for _, s := range settings() {
		if s.users && root {
			continue
		}
		b, err := os.ReadFile(s.path)
		if value := strings.TrimSpace(string(b)); err == nil && s.bad(value) {
			found = append(found, s.name+" is "+value)
			fixes = append(fixes, s.name+"="+s.fix)
		}
	}
	var said []string
	for _, err := range refused {
		said = append(said, err.Error())
	}
	e := &UnavailableError{
		Problem: "the system refuses the namespaces (" + strings.Join(said, "; ") + ")",
		cause:   errors.Join(refused...),
	}
	switch {
	case len(found) > 0 && root:
		e.Problem += "; " + strings.Join(found, ", ")
		e.Action = "set it: sysctl -w " + strings.Join(fixes, " ")
	case len(found) > 0:
		e.Problem += "; " + strings.Join(found, ", ")
		e.Action = "run as root, which needs no user namespace, or let an administrator set: sysctl -w " + strings.Join(fixes, " ")
	case root:
		e.Action = "this root lacks capabilities, as in a container; give it CAP_SYS_ADMIN and CAP_NET_ADMIN and a seccomp profile that allows clone"
	default:
		e.Action = "run as root, which needs no user namespace; no chroot lets a user have one, and in a container the seccomp profile must allow clone"
	}
	return e
}
