//go:build linux

package guide

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/boot"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

// limit bounds each line, of which one builds the programs.
const limit = 5 * time.Minute

// site is what the guide has its reader start with: a host with two nodes, and
// a machine with the sources from which root can reach them by ssh.
type site struct {
	*testing.T
	options   map[string]boot.Options
	machines  map[string]*boot.Machine
	terminals map[string]*boot.Terminal
	env       []string // of the authority
	mu        sync.Mutex
}

// missing says why there can be no site here; empty where there can.
func missing() string {
	if err := boot.Problem(); err != nil {
		return err.Error()
	}
	for _, program := range []string{"go", "make", "git", "tar", "ssh", "scp", "sshd", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return "no " + program
		}
	}
	return ""
}

func newSite(t *testing.T) *site {
	if why := missing(); why != "" {
		t.Skip(why)
	}
	l := labtest.New(t, lab.Options{NoPods: true})
	// The authority is in the management network, which has Port1.
	if err := l.NS(lab.LAN).AddAddress("to-Port1", lab.Address{Prefix: netip.MustParsePrefix("10.10.1.2/24")}); err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, options: map[string]boot.Options{}, machines: map[string]*boot.Machine{}, terminals: map[string]*boot.Terminal{}}
	network := map[string]string{"host": lab.Host, "k8s-master": "k8s-master", "k8s-worker": "k8s-worker", "authority": lab.LAN}
	for name, ns := range network {
		o := boot.Options{Name: name, NS: l.NS(ns), Dir: filepath.Join(l.StateDir, "machine-"+name)}
		if name == "authority" {
			o.Copy = map[string]string{source: "/root/hcsroute"}
			o.Show, s.env = toolchain(t)
		}
		s.options[name] = o
	}
	t.Cleanup(s.end)
	var all sync.WaitGroup
	for name := range network {
		all.Go(func() { s.boot(name) })
	}
	if all.Wait(); t.Failed() {
		t.FailNow()
	}
	s.openDoors()
	return s
}

// boot starts a machine and opens a terminal of it. It may run beside others.
func (s *site) boot(name string) {
	o := s.options[name]
	m, err := boot.Start(s.Context(), o)
	if err != nil {
		s.Error(err)
		return
	}
	var env []string
	if len(o.Copy) > 0 {
		env = s.env
	}
	term, err := m.Open(s.Context(), env...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines[name] = m
	if err != nil {
		s.Error(err)
		return
	}
	s.terminals[name] = term
}

// end takes all machines away.
func (s *site) end() {
	for name := range s.machines {
		s.off(name)
	}
}

func (s *site) off(name string) {
	if term := s.terminals[name]; term != nil {
		_ = term.Close() // the machine ends at once
	}
	if err := s.machines[name].Stop(); err != nil {
		s.Error(err)
	}
	delete(s.terminals, name)
	delete(s.machines, name)
}

// reboot takes a machine's power away and boots it from what it has written.
func (s *site) reboot(name string) {
	s.off(name)
	if s.boot(name); s.Failed() {
		s.FailNow()
	}
}

// until types a line of the test's own again and again until its output is right.
func (s *site) until(machine, line string, ok func(string) bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), limit)
	defer cancel()
	var a boot.Answer
	if err := lab.Wait(ctx, line, func() bool {
		a = s.enter(machine, line, nil)
		return ok(a.Output)
	}); err != nil {
		s.failed(machine, fmt.Sprintf("%v: it shows\n%s", err, a.Output))
	}
}

// toolchain is what the authority needs of this system to build: the folders,
// which may be mounts of their own, and the environment.
func toolchain(t *testing.T) (folders, env []string) {
	for _, key := range []string{"GOROOT", "GOCACHE", "GOMODCACHE"} {
		out, err := exec.Command("go", "env", key).Output()
		if err != nil {
			t.Fatal(err)
		}
		folder := strings.TrimSpace(string(out))
		folders = append(folders, folder)
		if key != "GOROOT" {
			env = append(env, key+"="+folder)
		}
	}
	return folders, append(env, "PATH="+folders[0]+"/bin:"+os.Getenv("PATH"), "GOFLAGS="+os.Getenv("GOFLAGS"))
}

// openDoors lets root of the authority in everywhere, by ssh.
func (s *site) openDoors() {
	s.Helper()
	s.do("authority", "rm -rf ~/.ssh; ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519; echo StrictHostKeyChecking accept-new > ~/.ssh/config")
	key, err := os.ReadFile(s.machines["authority"].Path("/root/.ssh/id_ed25519.pub"))
	if err != nil {
		s.Fatal(err)
	}
	for name, m := range s.machines {
		if name == "authority" {
			continue
		}
		for path, text := range map[string]string{
			"/root/.ssh/authorized_keys": string(key),
			"/etc/ssh/sshd_config":       "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n",
		} {
			s.do(name, "rm -rf "+filepath.Dir(path)+"; mkdir -m 700 "+filepath.Dir(path))
			if err := os.WriteFile(m.Path(path), []byte(text), 0o600); err != nil {
				s.Fatal(err)
			}
		}
		s.do(name, "ssh-keygen -A && systemctl start ssh")
	}
}

// do types a line of the test's own, which must succeed.
func (s *site) do(machine, line string) string {
	s.Helper()
	a := s.enter(machine, line, nil)
	if a.Code != 0 || a.More {
		s.failed(machine, fmt.Sprintf("%s: code %d, more %v:\n%s", line, a.Code, a.More, a.Output))
	}
	return a.Output
}

func (s *site) enter(machine, line string, r *boot.Reaction) boot.Answer {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), limit)
	defer cancel()
	a, err := s.terminals[machine].Type(ctx, line, r)
	if err != nil {
		s.failed(machine, err.Error())
	}
	return a
}

// failed ends the test, with what the services of the machine have logged.
func (s *site) failed(machine, what string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	log, err := s.machines[machine].Command(ctx, "journalctl", "--no-pager", "-n", "40", "-u", "hcsrouted", "-u", "hcsroute-agent", "-u", "ssh").CombinedOutput()
	s.Fatalf("in %s, %s\njournal (%v):\n%s", machine, what, err, log)
}
