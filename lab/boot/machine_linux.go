package boot

import (
	"context"
	_ "embed" // machine.sh
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/lab"
)

//go:embed machine.sh
var script string

// bootTimeout bounds the boot of a machine on a slow system.
const bootTimeout = 3 * time.Minute

// Options say what to boot.
type Options struct {
	Name string
	NS   *lab.NS
	// Dir is a folder for what the machine changes, in the lab's state. A
	// machine that is started on the same folder later goes on from there.
	Dir string
	// Show are folders that the machine shares with this system. Else it sees
	// nothing of what is mounted below /.
	Show []string
	// Copy are folders of this system that appear as the machine's own, each at
	// the path that it is mapped to.
	Copy map[string]string
}

// Machine is a systemd that runs.
type Machine struct {
	name   string
	cmd    *lab.Cmd
	log    *os.File
	cgroup string
	mount  string // where the control groups are mounted
}

// Start boots a machine and waits until systemd has started what it starts. It
// ends with Stop, or with the lab's processes.
func Start(ctx context.Context, o Options) (*Machine, error) {
	m := &Machine{name: o.Name, mount: filepath.Join(o.Dir, "cgroup")}
	if err := m.begin(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("boot %s: %w", o.Name, err), m.Stop())
	}
	if err := m.awaitSystemd(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("boot %s: %w", o.Name, err), m.Stop())
	}
	return m, nil
}

func (m *Machine) begin(ctx context.Context, o Options) error {
	if err := m.makeCgroup(); err != nil {
		return err
	}
	var err error
	if m.log, err = os.Create(filepath.Join(o.Dir, "console.log")); err != nil {
		return err
	}
	// A control group namespace begins at the group of the process that makes it.
	m.cmd = o.NS.Command(context.WithoutCancel(ctx), "sh", "-euc", `echo 0 > "$cgroup/cgroup.procs"; exec unshare --cgroup sh -euc "$script" "$0" "$@"`,
		"machine", initPath, "--unit=multi-user.target", "--log-target=journal")
	var copied []string
	for from, to := range o.Copy {
		copied = append(copied, from, to)
	}
	m.cmd.Env = append(os.Environ(), "script="+script, "cgroup="+m.cgroup, "work="+o.Dir, "name="+o.Name,
		"shown="+strings.Join(o.Show, "\n"), "copied="+strings.Join(copied, "\n"))
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC}
	return m.cmd.Start()
}

// makeCgroup makes a control group beside those of this process; it is the root
// of the machine's.
func (m *Machine) makeCgroup() error {
	if err := os.MkdirAll(m.mount, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("cgroup2", m.mount, "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("mount cgroup2: %w", err)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	path := "/"
	for line := range strings.Lines(string(own)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			path = rest
		}
	}
	m.cgroup, err = os.MkdirTemp(filepath.Join(m.mount, path), "hcsroute-"+m.name+"-")
	return err
}

func (m *Machine) awaitSystemd(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	var out []byte
	err := lab.Wait(ctx, "systemd", func() bool {
		out, _ = m.Command(ctx, "systemctl", "is-system-running").CombinedOutput()
		state := strings.TrimSpace(string(out))
		return state == "running" || state == "degraded"
	})
	if err != nil {
		console, _ := os.ReadFile(m.log.Name())
		return fmt.Errorf("%w: systemctl says %q; the console says %s", err, out, console)
	}
	return nil
}

// Command is a command in the machine.
func (m *Machine) Command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--all", "--target", fmt.Sprint(m.cmd.Process.Pid), "--"}, args...)...)
}

// Path is where a file of the machine is seen from outside.
func (m *Machine) Path(file string) string {
	return filepath.Join("/proc", fmt.Sprint(m.cmd.Process.Pid), "root", file)
}

// Stop ends the machine at once, as if its power went.
func (m *Machine) Stop() error {
	var errs []error
	if m.cmd != nil && m.cmd.Process != nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait() // it was killed
	}
	if m.log != nil {
		errs = append(errs, m.log.Close())
	}
	if m.cgroup != "" {
		errs = append(errs, removeGroups(m.cgroup))
	}
	if err := unix.Unmount(m.mount, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// removeGroups removes a control group and those in it, which a plain removal
// of files cannot. The kernel takes a moment to let go of the dead.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroups(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(dir)
}
