package agentd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/privilege"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// rebooted is the folder of an agent that has saved one route of h, in a node
// whose kernel has forgotten it. There are certificates of the agent and a host.
func rebooted(t *testing.T) (dir string, h *agenttest.Host) {
	t.Helper()
	addNIC(t)
	dir = t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: "appliance"}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: node}))
	// Of its own, so that what befalls the agent's CA file is not the host's.
	ca, err := os.ReadFile(filepath.Join(dir, certs.CACert))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "agents-ca.crt"), ca, 0o600))
	p, h := start(t, dir), agenttest.NewHost("store-1", "Port3", mac)
	h.Change([]routes.Route{route(t, 1)})
	syncSet(t, p, h)
	p.kill()
	flush(t)
	return dir, h
}

// local is the address that daemon.dial takes.
func local(dir string) string { return "unix://" + filepath.Join(dir, "run", "agent.sock") }

// dialTLS connects by TCP, as soon as the agent listens there, with the
// certificate of that name in dir.
func dialTLS(t *testing.T, dir, address, name string) pb.AgentServiceClient {
	t.Helper()
	file := func(name string) string { return filepath.Join(dir, name) }
	files, err := certs.Load(file(name+".crt"), file(name+".key"), file(certs.CACert))
	must(t, err)
	config, err := files.ClientConfig(node)
	must(t, err)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return pb.NewAgentServiceClient(conn)
}

// overTLS opens a session of h by TCP.
func overTLS(t *testing.T, dir, address string, h *agenttest.Host) *agenttest.Session {
	t.Helper()
	s := agenttest.Open(t, dialTLS(t, dir, address, "appliance"), h.Hello(node))
	if s.Hello.Refusal != "" {
		t.Fatal(s.Hello.Refusal)
	}
	return s
}

// TestRoutesDoNotWaitForTheCertificates: the saved routes are in the kernel and
// the agent is ready whatever is wrong with the certificate files. It does not
// listen with them, says why and what to do, and listens once they are good.
func TestRoutesDoNotWaitForTheCertificates(t *testing.T) {
	move := func(from, to string) error { return os.Rename(from, to) }
	for name, c := range map[string]struct {
		file        string
		hurt, heal  func(path string) error
		cause, cure string // in the log
	}{
		"no key": {node + ".key", func(p string) error { return move(p, p+".aside") }, func(p string) error { return move(p+".aside", p) },
			"no such file", "put them in place"},
		"key for others": {node + ".key", func(p string) error { return os.Chmod(p, 0o644) }, func(p string) error { return os.Chmod(p, 0o600) },
			"its mode 0644 lets others at it", "chmod 0600"},
		"no certificate": {node + ".crt", func(p string) error { return move(p, p+".aside") }, func(p string) error { return move(p+".aside", p) },
			"no such file", "put them in place"},
		"no authority in its file": {"agents-ca.crt", func(p string) error {
			return errors.Join(move(p, p+".aside"), os.WriteFile(p, []byte("nothing"), 0o600))
		},
			func(p string) error { return move(p+".aside", p) }, "no certificate in it", "put them in place"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, h := rebooted(t)
			file := func(name string) string { return filepath.Join(dir, name) }
			must(t, c.hurt(file(c.file)))
			address := freePort(t)
			p := start(t, dir, "--listen", local(dir)+",tcp://"+address, "--tls-cert", file(node+".crt"), "--tls-key", file(node+".key"), "--tls-ca", file("agents-ca.crt"))
			if got := kernelRoutes(t); len(got) != 1 {
				t.Fatalf("ready with %v in the kernel", got)
			}
			says(t, p.log, "level=ERROR", c.cause, c.cure, file(c.file))
			says(t, p.notified, "STATUS=Not listening on tcp://"+address, c.cause)
			if conn, err := net.Dial("tcp", address); err == nil {
				conn.Close()
				t.Fatal("it listens without good certificates")
			}
			// A host that comes by the other address is let in, and gets the alarm.
			s := agenttest.Open(t, p.dial(t), h.Hello(node))
			s.Carried(t, h)
			if alarm := s.Last.GetAlarm(); !strings.Contains(alarm, c.cause) {
				t.Errorf("the alarm is %q", alarm)
			}
			s.Close()
			must(t, c.heal(file(c.file)))
			s = overTLS(t, dir, address, h)
			s.Send(t, h.Change([]routes.Route{route(t, 2)}))
			s.Carried(t, h)
			if got := kernelRoutes(t); len(got) != 2 {
				t.Errorf("after a session: %v in the kernel", got)
			}
			says(t, p.notified, "STATUS=Listening")
			if n := strings.Count(p.log.String(), "level=ERROR"); n != 1 {
				t.Errorf("%d errors are logged for one cause\n%s", n, p.log)
			}
		})
	}
}

// TestReloadNamesOtherCertificates: where the file of the configuration led to no
// good ones at the start, a reload with the right names is enough.
func TestReloadNamesOtherCertificates(t *testing.T) {
	dir, h := rebooted(t)
	address, file := freePort(t), filepath.Join(dir, "agent.yaml")
	write := func(key string) {
		must(t, os.WriteFile(file, []byte("tls: {cert: "+node+".crt, key: "+key+", ca: ca.crt}\n"), 0o600))
	}
	write("wrong.key")
	p := start(t, dir, "--config", file, "--listen", local(dir)+",tcp://"+address)
	must(t, p.cmd.Process.Signal(syscall.SIGHUP))
	says(t, p.log, "nothing was reloaded")
	says(t, p.notified, "Not listening on tcp://"+address, "; Nothing was reloaded")
	write(node + ".key")
	must(t, p.cmd.Process.Signal(syscall.SIGHUP))
	overTLS(t, dir, address, h).Carried(t, h)
	says(t, p.notified, "STATUS=Reloaded")
}

// TestRoutesDoNotWaitForASocket: an address that cannot be listened on, for
// whatever reason, ends nothing and holds up nobody who comes by another one.
func TestRoutesDoNotWaitForASocket(t *testing.T) {
	dir, h := rebooted(t)
	path := filepath.Join(dir, "blocked", "agent.sock")
	must(t, os.WriteFile(filepath.Dir(path), nil, 0o600))
	p := start(t, dir, "--listen", local(dir)+",unix://"+path)
	if got := kernelRoutes(t); len(got) != 1 {
		t.Fatalf("ready with %v in the kernel", got)
	}
	says(t, p.log, "level=ERROR", path, "not a directory")
	says(t, p.notified, "STATUS=Not listening on unix://"+path)
	agenttest.Open(t, p.dial(t), h.Hello(node)).Carried(t, h)
	must(t, os.Remove(filepath.Dir(path)))
	says(t, p.notified, "STATUS=Listening")
	agenttest.Open(t, agenttest.Dial(t, path), h.Hello(node)).Carried(t, h)
}

// TestRoutesDoNotWaitForAFolder that cannot be made for the user to become.
func TestRoutesDoNotWaitForAFolder(t *testing.T) {
	if os.Getuid() != 0 || privilege.Alone() {
		t.Skip("only root can start a process as another user")
	}
	addNIC(t)
	dir := t.TempDir()
	reachable(t, dir)
	p := start(t, dir, "--user", "65534", "--listen", local(dir)+",unix:///proc/hcsroute/agent.sock")
	says(t, p.log, "level=WARN", "/proc/hcsroute")
	if uid := processStatus(t, p.cmd.Process.Pid, "Uid"); uid != "65534\t65534\t65534\t65534" {
		t.Errorf("it runs as %s", uid)
	}
	h := agenttest.NewHost("store-1", "Port3", mac)
	h.Change([]routes.Route{route(t, 1)})
	syncSet(t, p, h)
	flush(t)
}

// TestRoutesOfALogThatCannotBeWritten, as on a disk that came up read-only
// after a crash: they are programmed; what is new raises the alarm, and is saved once
// it can be.
func TestRoutesOfALogThatCannotBeWritten(t *testing.T) {
	dir, h := rebooted(t)
	log, err := os.OpenFile(filepath.Join(dir, "state", "desired.log"), os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = log.Write([]byte("torn")) // which cannot be cut off
	must(t, errors.Join(err, log.Close()))
	stateModes(t, dir, 0o500, 0o400)
	p := start(t, dir)
	if got := kernelRoutes(t); len(got) != 1 {
		t.Fatalf("ready with %v in the kernel", got)
	}
	says(t, p.log, "level=ERROR", "the log of routes can be read only", "permission denied", "it is passed over")
	s := agenttest.Open(t, p.dial(t), h.Hello(node))
	s.Carried(t, h)
	s.Until(t, "the alarm, without a change", func() bool {
		alarms := s.Last.GetAlarms()
		return len(alarms) == 1 && alarms[0].GetKind() == string(routes.AlarmUnsaved) && strings.Contains(alarms[0].GetText(), "permission denied")
	})
	s.Send(t, h.Change([]routes.Route{route(t, 2)}))
	p.savesLater(t, s, h)
	if got := kernelRoutes(t); len(got) != 2 {
		t.Fatalf("after another boot: %v in the kernel", got)
	}
}

// stateModes sets the modes of the state folder and of its files.
func stateModes(t *testing.T, dir string, folder, files os.FileMode) {
	t.Helper()
	state := filepath.Join(dir, "state")
	for _, name := range []string{"desired.log", "lock"} {
		must(t, os.Chmod(filepath.Join(state, name), files))
	}
	must(t, os.Chmod(state, folder)) // the agent has no capability that passes over it
}

// savesLater waits for the alarm that what h sent is not saved, lets the state
// folder be written, waits until it is, and boots again without h.
func (p *daemon) savesLater(t *testing.T, s *agenttest.Session, h *agenttest.Host) {
	t.Helper()
	s.Until(t, "the alarm", func() bool { return strings.Contains(s.Last.GetAlarm(), "would not survive a restart") })
	stateModes(t, p.dir, 0o700, 0o600)
	s.Carried(t, h)
	p.kill()
	flush(t)
	start(t, p.dir)
}

// TestADamagedLogThatCannotBeMovedAside: the host reaches the agent, and its
// set is saved once the disk can be written.
func TestADamagedLogThatCannotBeMovedAside(t *testing.T) {
	dir, h := rebooted(t)
	path := filepath.Join(dir, "state", "desired.log")
	whole, err := os.ReadFile(path)
	must(t, err)
	whole[len(whole)/2] ^= 0x41
	must(t, os.WriteFile(path, whole, 0o600))
	stateModes(t, dir, 0o500, 0o400)
	p := start(t, dir)
	says(t, p.log, "level=ERROR", "cannot be used", "stays where it is")
	s := agenttest.Open(t, p.dial(t), h.Hello(node))
	s.SendSet(t, h)
	p.savesLater(t, s, h)
	if got := kernelRoutes(t); len(got) != 1 {
		t.Fatalf("after another boot: %v in the kernel", got)
	}
}

// TestLinesForTheJournal: lines have priorities, also the last ones of a start
// that fails, before there is a log and with it.
func TestLinesForTheJournal(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"refused arguments": {[]string{"--protocol", "1"}, `^<3>hcsroute-agent: .*node.*\n<3>.*protocol.*\n$`},
		"a folder that is none": {[]string{"--node", node, "--state-dir", "/proc/self/exe/state"},
			`^(<4>level=WARN msg=.*\n)*<3>level=ERROR msg="the agent ends; the routes stay" error=.*\n$`},
	} {
		stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		must(t, err)
		info, err := stderr.Stat()
		must(t, err)
		stat := info.Sys().(*syscall.Stat_t)
		cmd := exec.Command("/proc/self/exe", c.args...)
		cmd.Env = append(os.Environ(), daemonEnv+"=1", fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino))
		cmd.Stderr = stderr
		if err := cmd.Run(); err == nil {
			t.Errorf("%s: it ran", name)
		}
		must(t, stderr.Close())
		text, err := os.ReadFile(stderr.Name())
		must(t, err)
		if !regexp.MustCompile(c.want).Match(text) {
			t.Errorf("%s: the journal gets %q", name, text)
		}
	}
}
