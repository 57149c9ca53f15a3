package hostd

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/privilege"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// logFile is a service's log while it runs.
type logFile struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// await waits until the log has a line with all words, and forgets all before.
func (l *logFile) await(t *testing.T, words ...string) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		text := l.b.String()
		for line := range strings.Lines(text) {
			found := true
			for _, w := range words {
				found = found && strings.Contains(line, w)
			}
			if found {
				l.b.Reset()
				l.mu.Unlock()
				return text
			}
		}
		l.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatalf("no line with %q in\n%s", words, text)
		}
	}
}

// TestReloadOfAGroup: a service that has given up its privileges cannot give
// the socket to a group. It says so, puts the rest in force, and the socket is as
// before; where it needs no privilege, others reach the socket at once.
func TestReloadOfAGroup(t *testing.T) {
	if privilege.Alone() {
		t.Skip("there is no other group here")
	}
	config, socket := device(t)
	base, err := os.ReadFile(config)
	must(t, err)
	write := func(local, more string) {
		must(t, os.WriteFile(config, []byte(strings.Replace(string(base), "sock'", "sock'"+local, 1)+more), 0o600))
	}
	var log logFile
	start := func() *exec.Cmd {
		cmd := exec.Command("/proc/self/exe", "--config", config)
		cmd.Env, cmd.Stderr = append(os.Environ(), serviceVar+"=1"), &log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		must(t, cmd.Start())
		log.await(t, "msg=ready")
		return cmd
	}
	stop := func(cmd *exec.Cmd) {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	cmd := start()
	defer func() { stop(cmd) }()
	reach := func() string {
		file, err := os.Stat(socket)
		must(t, err)
		folder, err := os.Stat(filepath.Dir(socket))
		must(t, err)
		return fmt.Sprintf("%o %o %d", folder.Mode().Perm(), file.Mode().Perm(), file.Sys().(*syscall.Stat_t).Gid)
	}
	before := reach()
	write(", readers: {gids: [4242]}", "policy: {default_routes: allow}\n")
	must(t, cmd.Process.Signal(syscall.SIGHUP))
	text := log.await(t, "level=WARN", "a restart is needed", "[listen.local.readers.gids]")
	if !strings.Contains(text, `msg=reloaded keys=[policy.default_routes]`) || !strings.Contains(text, "member of group 4242") {
		t.Errorf("the log says\n%s", text)
	}
	if got := reach(); got != before {
		t.Errorf("folder and socket are %s, were %s", got, before)
	}
	write(", readers: {uids: [4242]}", "")
	must(t, cmd.Process.Signal(syscall.SIGHUP))
	log.await(t, "msg=reloaded")
	if got := reach(); !strings.HasPrefix(got, "711 666 ") {
		t.Errorf("folder and socket are %s", got)
	}
	if os.Getuid() != 0 {
		return
	}
	// And a restart does what it was said to be needed for.
	stop(cmd)
	must(t, os.RemoveAll(filepath.Dir(socket)))
	write(", readers: {gids: [4242]}", "")
	cmd = start()
	if got := reach(); got != "750 660 4242" {
		t.Errorf("after a restart folder and socket are %s", got)
	}
}

// TestReload: SIGHUP puts policy, roles, level and certificates of the files in
// force, says what needs a restart, and changes nothing where one file is bad.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "run", "s.sock")
	pki := filepath.Join(dir, "pki")
	must(t, certs.Init(certs.CAOptions{Dir: pki}))
	issue := func() {
		must(t, certs.Issue(certs.LeafOptions{Dir: pki, Kind: certs.Service, Name: "server", SANs: []string{"127.0.0.1"}, Force: true}))
	}
	issue()
	must(t, certs.Issue(certs.LeafOptions{Dir: pki, Kind: certs.Client, Name: "ann", Role: "reader"}))
	must(t, os.WriteFile(filepath.Join(dir, "inventory.yaml"), []byte(inventory), 0o600))
	file := filepath.Join(dir, "hcsrouted.yaml")
	write := func(store, policy, level string) {
		must(t, os.WriteFile(file, []byte("store: {path: "+store+"}\nlisten:\n  local: {address: 'unix://"+socket+"'}\n"+
			"  remote: {address: 'tcp://127.0.0.1:0', cert: pki/server.crt, key: pki/server.key, ca: pki/ca.crt}\n"+
			"inventory: {provider: none, file: inventory.yaml}\npolicy: {default_routes: "+policy+"}\nlog: {level: "+level+"}\n"), 0o600))
	}
	write("h.db", "refuse", "info")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var log logFile
	go func() {
		_, err := execute(ctx, &log, "--config", file)
		ended <- err
	}()
	defer func() { cancel(); must(t, <-ended) }()
	text := log.await(t, "msg=ready")
	_, after, _ := strings.Cut(text, "address=127.0.0.1:")
	address := "127.0.0.1:" + strings.Fields(after)[0]
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	metric := uint32(100)
	add := func() error {
		_, err := pb.NewRouteServiceClient(conn).AddRoute(t.Context(), &pb.AddRouteRequest{
			Route: &pb.Route{Interface: "Port3", Destination: "64.0.0.0/3", NextHop: "192.168.20.1", Metric: &metric}, ValidateOnly: true,
		})
		return err
	}
	serial := func() string {
		files, err := certs.Load(filepath.Join(pki, "ann.crt"), filepath.Join(pki, "ann.key"), filepath.Join(pki, "ca.crt"))
		must(t, err)
		config, err := files.ClientConfig("127.0.0.1")
		must(t, err)
		c, err := tls.Dial("tcp", address, config)
		must(t, err)
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	hangup := func() { must(t, syscall.Kill(os.Getpid(), syscall.SIGHUP)) }
	shown := func() (inUse string, bad int) { // what the service says of its certificate
		info, err := pb.NewMaintenanceServiceClient(conn).GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
		must(t, err)
		for _, c := range info.GetCertificates() {
			if n, ok := new(big.Int).SetString(c.GetSerial(), 16); ok && c.GetInUse() && c.GetUse() == "listen.remote.cert" {
				inUse = n.String()
			}
			if c.GetProblem() != "" {
				bad++
			}
		}
		return inUse, bad
	}
	before := serial()
	if inUse, bad := shown(); inUse != before || bad != 0 {
		t.Errorf("the service shows the certificate %s, and %d problems; it shows %s", inUse, bad, before)
	}
	if add() == nil {
		t.Fatal("a default route is taken")
	}

	write("h.db", "allow", "loud") // a bad level: the policy beside it does not count
	hangup()
	log.await(t, "level=ERROR", "nothing was reloaded", "log.level")
	if add() == nil {
		t.Error("a bad file has changed the policy")
	}
	write("h.db", "allow", "debug")
	key := filepath.Join(pki, "server.key")
	good, err := os.ReadFile(key)
	must(t, err)
	must(t, os.WriteFile(key, []byte("garbage"), 0o600))
	hangup()
	log.await(t, "level=ERROR", "nothing was reloaded", "listen.remote: certificate", "server.key")
	if add() == nil {
		t.Error("a bad key has let the policy through")
	}
	if inUse, bad := shown(); inUse != before || bad != 1 {
		t.Errorf("with a bad key: the certificate %s, %d problems", inUse, bad)
	}
	must(t, os.WriteFile(key, good, 0o600))

	issue()
	write("other.db", "allow", "debug")
	hangup()
	text = log.await(t, "level=WARN", "a restart is needed", "[store.path]")
	if !strings.Contains(text, `msg=reloaded keys="[policy.default_routes log.level]"`) {
		t.Errorf("the log says\n%s", text)
	}
	must(t, add())
	log.await(t, "level=DEBUG", "AddRoute")
	now := serial()
	if now == before {
		t.Error("the old certificate is still served")
	}
	if inUse, bad := shown(); inUse != now || bad != 0 {
		t.Errorf("the service shows the certificate %s, and %d problems; it shows %s", inUse, bad, now)
	}
}
