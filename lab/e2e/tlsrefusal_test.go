//go:build linux

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	agents "github.com/hcsroute/hcsroute/hostvm/fleet/dial"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
	"github.com/hcsroute/hcsroute/routes"
)

// tries is how often each refusal is asked for: what a race decides shows.
const tries = 20

// badCertificates are more certificates of an authority, each with one fault, and
// two more authorities: one of the same name and one of another.
func badCertificates(t *testing.T, s *system.System) (ours, alike, other string) {
	t.Helper()
	ours, alike, other = s.PKI(), t.TempDir(), t.TempDir()
	for _, o := range []certs.CAOptions{{Dir: alike}, {Dir: other, Name: "another CA"}} {
		if err := certs.Init(o); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-time.Hour)
	list := []certs.LeafOptions{
		{Kind: certs.Host, Name: "late-host", Now: past, Validity: time.Minute},
		{Kind: certs.Agent, Name: "k8s-master", Out: filepath.Join(ours, "late-agent"), Now: past, Validity: time.Minute},
		{Kind: certs.Client, Name: "late-admin", Role: "admin", Now: past, Validity: time.Minute},
		{Kind: certs.Service, Name: "late-edge1", SANs: []string{"10.10.1.10"}, Now: past, Validity: time.Minute},
		{Kind: certs.Client, Name: "edgelike", Role: "reader", SANs: []string{"10.10.1.10"}},
		{Kind: certs.Service, Name: "edge2", SANs: []string{"10.10.1.11"}},
	}
	for i := range list {
		list[i].Dir = ours
	}
	for _, dir := range []string{alike, other} {
		list = append(list, certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: "host"}, certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "admin", Role: "admin"})
	}
	for _, o := range list {
		if err := certs.Issue(o); err != nil {
			t.Fatal(err)
		}
	}
	return ours, alike, other
}

// install puts the certificate where a program reads it, as to.crt and to.key, and the
// authority that it trusts beside them.
func (c side) install(t *testing.T, to string) {
	t.Helper()
	for from, to := range map[string]string{
		filepath.Join(c.dir, c.name+".crt"): to + ".crt", filepath.Join(c.dir, c.name+".key"): to + ".key",
		filepath.Join(c.trust, certs.CACert): filepath.Join(filepath.Dir(to), certs.CACert),
	} {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// begins is how a refusal of the certificate begins, whatever the reason.
func (c side) begins(t *testing.T, format string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(c.dir, c.name+".crt"), filepath.Join(c.dir, c.name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(format, pair.Leaf.Subject.CommonName) + pair.Leaf.SerialNumber.Text(16)
}

// logged is what a program has warned of since a mark, without the log's quoting.
// Probes of who waits for it to listen are no warnings.
func logged(t *testing.T, s *system.System, program string, mark int) (text string, end int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Lab.StateDir, "logs", program+".log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(data[mark:]), `\"`, `"`)) {
		if strings.Contains(line, " level=WARN ") {
			text += line
		}
	}
	return text, len(data)
}

// vague are texts that name no side and no certificate.
func vague(text string) bool {
	for _, bad := range []string{"used up", "hung up", "broken pipe", "connection reset", "remote error", "x509:", "EOF"} {
		if strings.Contains(text, bad) {
			return true
		}
	}
	return false
}

const saidThere = "the reason is said there only; probably its authority is not in "

// TestRefusalsBetweenServiceAndAgent: for each fault of each side's certificate there
// is one text, which nodes, doctor and both logs have.
func TestRefusalsBetweenServiceAndAgent(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	ours, alike, other := badCertificates(t, s)
	master, err := s.Node("k8s-master")
	if err != nil {
		t.Fatal(err)
	}
	host, agent := filepath.Join(s.Lab.StateDir, "host", "pki", "host"), filepath.Join(master.StateDir, "pki", "agent")
	goodHost, goodAgent := side{ours, "host", ours}, side{ours, master.Name, ours}
	const byAgent, byService = "the agent at " + agentAddress + " refuses the certificate CN=%s of the service (serial ", "the service refuses the certificate CN=%s of the agent at " + agentAddress + " (serial "
	for _, tc := range []struct {
		name        string
		host, agent side
		refuses     string
		why         string
		guess       string // what the agent says instead, where it does not know
	}{
		{"agent, a CA of the same name", side{alike, "host", ours}, goodAgent, byAgent, "its authority is not in the agent's tls.ca", ""},
		{"agent, another CA", side{other, "host", ours}, goodAgent, byAgent, "its authority is not in the agent's tls.ca", ""},
		{"agent, expired", side{ours, "late-host", ours}, goodAgent, byAgent, "it has expired on ", ""},
		{"agent, a client's", side{ours, "admin", ours}, goodAgent, byAgent, "it is of kind client, and host is needed", ""},
		{"agent, an agent's", side{ours, "k8s-worker", ours}, goodAgent, byAgent, "it is of kind service or agent, and host is needed", ""},
		{"service, a CA of the same name", side{ours, "host", alike}, goodAgent, byService, "its authority is not in the service's agents.tls.ca", saidThere + "the service's agents.tls.ca"},
		{"service, expired", goodHost, side{ours, "late-agent", ours}, byService, "it has expired on ", ""},
		{"service, a host's", goodHost, side{ours, "host", ours}, byService, "it is of kind host, and agent is needed", ""},
		{"service, another node's", goodHost, side{ours, "k8s-worker", ours}, byService, "it is for k8s-worker, not for k8s-master", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, hostMark := logged(t, s, "hcsrouted", 0)
			_, agentMark := logged(t, s, "agent-k8s-master", 0)
			if err := s.KillAgent(master.Name); err != nil { // a session would outlive the files
				t.Fatal(err)
			}
			tc.host.install(t, host)
			tc.agent.install(t, agent)
			if err := s.StartAgent(t.Context(), master.Name); err != nil {
				t.Fatal(err)
			}
			refused := tc.host
			if tc.refuses == byService {
				refused = tc.agent
			}
			problem, remedy := awaitProblem(t, s, refused.begins(t, tc.refuses), tc.why)
			if vague(problem) || remedy == "" {
				t.Errorf("problem %q, remedy %q", problem, remedy)
			}
			for i := range tries {
				if text := dialAgent(t, s, tc.host); text != problem {
					t.Fatalf("try %d says\n%s\nnodes says\n%s", i, text, problem)
				}
			}
			if out := cli(t, s, 8, "doctor").Stdout; !contains(strings.Join(strings.Fields(out), " "), problem) {
				t.Errorf("doctor does not say %q:\n%s", problem, out)
			}
			text, _ := logged(t, s, "hcsrouted", hostMark)
			if !contains(text, problem) {
				t.Errorf("the service's log does not say %q:\n%s", problem, text)
			}
			want := problem
			if tc.guess != "" {
				want = strings.Replace(problem, tc.why, tc.guess, 1)
			}
			if text, _ = logged(t, s, "agent-k8s-master", agentMark); !contains(text, want) || vague(text) {
				t.Errorf("the agent's log does not say %q:\n%s", want, text)
			}
		})
	}
	goodHost.install(t, host)
	goodAgent.install(t, agent)
	polltest.Until(t, "both nodes have sessions", func() bool {
		res, err := s.CLI(t.Context(), "doctor")
		return err == nil && res.Code == 0
	})
}

// awaitProblem waits until the service says of k8s-master what begins and ends so.
func awaitProblem(t *testing.T, s *system.System, begins, why string) (problem, remedy string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(problem)
		}
	}()
	polltest.Until(t, begins+" ... "+why, func() bool {
		res, err := s.CLI(t.Context(), "nodes", "-o", "json")
		var list struct {
			Nodes []struct{ Name, Problem, Remedy string }
		}
		if err != nil || json.Unmarshal([]byte(res.Stdout), &list) != nil {
			return false
		}
		for _, n := range list.Nodes {
			if n.Name == "k8s-master" {
				problem, remedy = n.Problem, n.Remedy
			}
		}
		return strings.HasPrefix(problem, begins) && strings.Contains(problem, "): "+why)
	})
	return problem, remedy
}

// dialAgent connects to the agent of k8s-master as the service does.
func dialAgent(t *testing.T, s *system.System, c side) string {
	t.Helper()
	f, err := certs.Load(filepath.Join(c.dir, c.name+".crt"), filepath.Join(c.dir, c.name+".key"), filepath.Join(c.trust, certs.CACert))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = s.Lab.NS(lab.Host).Do(func() error {
		var conn net.Conn
		conn, err = agents.New(agents.Options{TLS: f.ClientConfig}).Dial(ctx, "tcp://"+agentAddress, "k8s-master")
		if err == nil {
			conn.Close()
		}
		return err
	})
	var refused *routes.Error
	if !errors.As(err, &refused) {
		t.Fatalf("connecting to the agent: %v", err)
	}
	return refused.Message()
}

// TestRefusalsBetweenServiceAndCallers is the same for the remote listener: what the
// caller reads and the service's log say the same.
func TestRefusalsBetweenServiceAndCallers(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	ours, alike, other := badCertificates(t, s)
	service := filepath.Join(s.Lab.StateDir, "host", "pki", system.ServiceName)
	const byService, byCaller = "the service at " + remoteAddress + " refuses the certificate CN=%s of the caller (serial ", "the caller refuses the certificate CN=%s of the service at " + remoteAddress + " (serial "
	for _, tc := range []struct {
		name    string
		caller  side
		service string
		refuses string
		why     string
		guess   string // what the service says instead, where it does not know
	}{
		{"service, a CA of the same name", side{alike, "admin", ours}, system.ServiceName, byService, "its authority is not in the service's listen.remote.ca", ""},
		{"service, another CA", side{other, "admin", ours}, system.ServiceName, byService, "its authority is not in the service's listen.remote.ca", ""},
		{"service, expired", side{ours, "late-admin", ours}, system.ServiceName, byService, "it has expired on ", ""},
		{"service, an agent's", side{ours, "k8s-worker", ours}, system.ServiceName, byService, "it is of kind service or agent, and client is needed", ""},
		{"service, a host's", side{ours, "host", ours}, system.ServiceName, byService, `its role "host" is none of reader, operator and admin`, ""},
		{"caller, another CA", side{ours, "admin", other}, system.ServiceName, byCaller, "its authority is not in the caller's --ca", saidThere + "the caller's --ca, or it does not name the address that is used"},
		{"caller, expired", side{ours, "admin", ours}, "late-edge1", byCaller, "it has expired on ", ""},
		{"caller, a client's", side{ours, "admin", ours}, "edgelike", byCaller, "it is of kind client, and service is needed", ""},
		{"caller, another address", side{ours, "admin", ours}, "edge2", byCaller, "it is for 10.10.1.11, not for 10.10.1.10", saidThere + "the caller's --ca, or it does not name the address that is used"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := s.StopService(t.Context()); err != nil { // its log counts what it leaves out
				t.Fatal(err)
			}
			side{ours, tc.service, ours}.install(t, service)
			_, mark := logged(t, s, "hcsrouted", 0)
			if err := s.StartService(t.Context()); err != nil {
				t.Fatal(err)
			}
			who := caller{tc.caller.name, t.TempDir()}
			tc.caller.install(t, filepath.Join(who.pki, who.name))
			said := remote(t, s, 7, who, "get").Stderr
			refused := tc.caller
			if tc.refuses == byCaller {
				refused = side{ours, tc.service, ours}
			}
			begins := refused.begins(t, tc.refuses)
			_, rest, found := strings.Cut(strings.Split(said, "\n")[0], begins)
			problem := begins + rest
			if !found || !strings.Contains(problem, "): "+tc.why) || !strings.Contains(said, "\nhint: ") || vague(said) {
				t.Fatalf("said %s\nwant %s ... %s", said, tc.refuses, tc.why)
			}
			for _, again := range manyTimes(t, s, who) {
				if again != said {
					t.Fatalf("one try says\n%s\nthe first\n%s", again, said)
				}
			}
			want := problem
			if tc.guess != "" {
				want = strings.Replace(problem, tc.why, tc.guess, 1)
			}
			if text, _ := logged(t, s, "hcsrouted", mark); !contains(text, want) {
				t.Errorf("the service's log does not say %q:\n%s", want, text)
			}
		})
	}
}

// manyTimes is what hcsroute says each time; most of its time it waits to try again.
func manyTimes(t *testing.T, s *system.System, who caller) (said [tries]string) {
	var all sync.WaitGroup
	for i := range said {
		all.Go(func() {
			cmd := s.Lab.NS(lab.LAN).Command(t.Context(), s.Binaries.CLI, append([]string{"get"}, who.flags()...)...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			_ = cmd.Run() // it fails, and says why
			said[i] = stderr.String()
		})
	}
	all.Wait()
	return said
}
