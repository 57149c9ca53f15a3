//go:build linux

package bench

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/rtnl"
)

// machine describes where the figures were taken.
type machine struct {
	date, cpu, kernel, goVersion, disk string
	cores                              int
	loadBefore, loadAfter              string
	forced                             bool // SO_RCVBUFFORCE was allowed
}

func describeMachine(disk string) (machine, error) {
	m := machine{
		date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), cpu: cpuModel(), cores: runtime.NumCPU(),
		goVersion: runtime.Version(), loadBefore: load(),
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return m, err
	}
	m.kernel = unix.ByteSliceToString(u.Release[:])
	var fs unix.Statfs_t
	if err := unix.Statfs(disk, &fs); err != nil {
		return m, fmt.Errorf("folder %s: %w", disk, err)
	}
	m.disk = fileSystem(fs.Type)
	w, err := rtnl.Subscribe(0)
	if err != nil {
		return m, err
	}
	m.forced = w.Buffer().Forced
	return m, w.Close()
}

func fileSystem(kind int64) string {
	switch kind {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs, in memory: nothing here is durable"
	}
	return fmt.Sprintf("file system %#x", kind)
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH + " processor"
}

// load is the load average of one minute.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}

func (m machine) String() string {
	privilege := "as real root: socket buffers beyond rmem_max were granted"
	if !m.forced {
		privilege = "without real root: the kernel refuses SO_RCVBUFFORCE, so socket buffers are at most rmem_max and bursts cause resyncs"
	}
	return fmt.Sprintf("%s. %s, %d cores, Linux %s, %s, disk %s. Load %s before, %s after. Run %s.",
		m.date, m.cpu, m.cores, m.kernel, m.goVersion, m.disk, m.loadBefore, m.loadAfter, privilege)
}
