package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pairing is one connection: what either side shows and trusts.
type pairing struct {
	link           Link
	server, client *tls.Config
}

// said are both sides' errors of one connection.
type said struct{ server, client string }

// connect makes one connection over TCP as our programs do: the server speaks
// first, the client waits for that.
func (p pairing) connect(t *testing.T) said {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		raw, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		attempt := p.link.Accept(raw)
		c := tls.Server(attempt, p.server)
		defer c.Close()
		if err := c.Handshake(); err != nil {
			served <- attempt.Explain(err)
			return
		}
		attempt.Accepted()
		_, err = c.Write([]byte("x"))
		served <- err
		_, _ = io.Copy(io.Discard, c) // until the client hangs up
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	attempt := p.link.Dial(raw, p.client.Certificates[0].Leaf)
	c := tls.Client(attempt, p.client)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = c.HandshakeContext(ctx)
	if err == nil {
		attempt.Accepted()
		_, err = First(ctx, c)
	}
	c.Close()
	text := func(err error) string {
		if err == nil {
			return ""
		}
		if !errors.As(err, new(*Refusal)) {
			t.Errorf("no refusal: %v", err)
		}
		return strings.ReplaceAll(err.Error(), l.Addr().String(), "ADDRESS")
	}
	return said{client: text(attempt.Explain(err)), server: text(<-served)}
}

// TestBothSidesSayTheSame: for each fault of each side's certificate there is one
// text, the same every time, and the same on both sides. Only where TLS sends no
// reason, and the certificate itself shows none, does the other side point there.
func TestBothSidesSayTheSame(t *testing.T) {
	ours, alike, other := t.TempDir(), t.TempDir(), t.TempDir()
	must(t, Init(CAOptions{Dir: ours}))
	must(t, Init(CAOptions{Dir: alike})) // of the same name
	must(t, Init(CAOptions{Dir: other, Name: "another CA"}))
	past := time.Now().Add(-time.Hour)
	for _, dir := range []string{ours, alike, other} {
		for _, o := range []LeafOptions{
			{Kind: Host, Name: "host"}, {Kind: Host, Name: "late-host", Now: past, Validity: time.Minute},
			{Kind: Agent, Name: "k8s-master"}, {Kind: Agent, Name: "k8s-worker"},
			{Kind: Agent, Name: "k8s-master", Out: filepath.Join(dir, "late-agent"), Now: past, Validity: time.Minute},
			{Kind: Host, Name: "hostlike", SANs: []string{"k8s-master"}},
			{Kind: Client, Name: "admin", Role: "admin"}, {Kind: Client, Name: "late-admin", Role: "admin", Now: past, Validity: time.Minute},
			{Kind: Service, Name: "edge1", SANs: []string{"edge1.test", "127.0.0.1"}}, {Kind: Service, Name: "late-edge1", SANs: []string{"edge1.test"}, Now: past, Validity: time.Minute},
			{Kind: Client, Name: "edgelike", Role: "reader", SANs: []string{"edge1.test"}}, {Kind: Service, Name: "edge2", SANs: []string{"edge2.test"}},
		} {
			o.Dir = dir
			must(t, Issue(o))
		}
	}
	files := func(show, trust string) *Files {
		f, err := Load(show+".crt", show+".key", filepath.Join(trust, CACert))
		must(t, err)
		return f
	}
	// agents and callers are the two ways to connect, with what either side shows.
	agents := func(host, agent, hostTrusts string) pairing {
		client, err := files(host, hostTrusts).ClientConfig("k8s-master")
		must(t, err)
		return pairing{AgentLink(), files(agent, ours).HostsOnly(), client}
	}
	callers := func(caller, service, callerTrusts string) pairing {
		client, err := files(caller, callerTrusts).ClientConfig("edge1.test")
		must(t, err)
		return pairing{CallerLink(), files(service, ours).ServerConfig(), client}
	}
	in := filepath.Join
	const there = "the reason is said there only; probably its authority is not in "
	for name, tc := range map[string]struct {
		pairing
		refuses string // of which certificate
		why     string
		guess   string // what the other side says instead, where it does not know
	}{
		"agent, a CA of the same name":   {agents(in(alike, "host"), in(ours, "k8s-master"), ours), "the agent at ADDRESS refuses the certificate CN=host of the service", "its authority is not in the agent's tls.ca", ""},
		"agent, another CA":              {agents(in(other, "host"), in(ours, "k8s-master"), ours), "the agent at ADDRESS refuses the certificate CN=host of the service", "its authority is not in the agent's tls.ca", ""},
		"agent, expired":                 {agents(in(ours, "late-host"), in(ours, "k8s-master"), ours), "the agent at ADDRESS refuses the certificate CN=late-host of the service", "it has expired on ", ""},
		"agent, a client's":              {agents(in(ours, "admin"), in(ours, "k8s-master"), ours), "the agent at ADDRESS refuses the certificate CN=admin of the service", "it is of kind client, and host is needed", ""},
		"agent, an agent's":              {agents(in(ours, "k8s-worker"), in(ours, "k8s-master"), ours), "the agent at ADDRESS refuses the certificate CN=k8s-worker of the service", "it is of kind service or agent, and host is needed", ""},
		"host, a CA of the same name":    {agents(in(ours, "host"), in(ours, "k8s-master"), alike), "the service refuses the certificate CN=k8s-master of the agent at ADDRESS", "its authority is not in the service's agents.tls.ca", there + "the service's agents.tls.ca"},
		"host, another CA":               {agents(in(ours, "host"), in(ours, "k8s-master"), other), "the service refuses the certificate CN=k8s-master of the agent at ADDRESS", "its authority is not in the service's agents.tls.ca", there + "the service's agents.tls.ca"},
		"host, expired":                  {agents(in(ours, "host"), in(ours, "late-agent"), ours), "the service refuses the certificate CN=k8s-master of the agent at ADDRESS", "it has expired on ", ""},
		"host, a host's":                 {agents(in(ours, "host"), in(ours, "hostlike"), ours), "the service refuses the certificate CN=hostlike of the agent at ADDRESS", "it is of kind host, and agent is needed", ""},
		"host, another node's":           {agents(in(ours, "host"), in(ours, "k8s-worker"), ours), "the service refuses the certificate CN=k8s-worker of the agent at ADDRESS", "it is for k8s-worker, not for k8s-master", ""},
		"service, a CA of the same name": {callers(in(alike, "admin"), in(ours, "edge1"), ours), "the service at ADDRESS refuses the certificate CN=admin of the caller", "its authority is not in the service's listen.remote.ca", ""},
		"service, another CA":            {callers(in(other, "admin"), in(ours, "edge1"), ours), "the service at ADDRESS refuses the certificate CN=admin of the caller", "its authority is not in the service's listen.remote.ca", ""},
		"service, expired":               {callers(in(ours, "late-admin"), in(ours, "edge1"), ours), "the service at ADDRESS refuses the certificate CN=late-admin of the caller", "it has expired on ", ""},
		"service, an agent's":            {callers(in(ours, "k8s-master"), in(ours, "edge1"), ours), "the service at ADDRESS refuses the certificate CN=k8s-master of the caller", "it is of kind service or agent, and client is needed", ""},
		"caller, another CA":             {callers(in(ours, "admin"), in(ours, "edge1"), other), "the caller refuses the certificate CN=edge1 of the service at ADDRESS", "its authority is not in the caller's --ca", there + "the caller's --ca"},
		"caller, expired":                {callers(in(ours, "admin"), in(ours, "late-edge1"), ours), "the caller refuses the certificate CN=late-edge1 of the service at ADDRESS", "it has expired on ", ""},
		"caller, a client's":             {callers(in(ours, "admin"), in(ours, "edgelike"), ours), "the caller refuses the certificate CN=edgelike of the service at ADDRESS", "it is of kind client, and service is needed", ""},
		"caller, another name":           {callers(in(ours, "admin"), in(ours, "edge2"), ours), "the caller refuses the certificate CN=edge2 of the service at ADDRESS", "it is for edge2.test, not for edge1.test", ""},
	} {
		first := tc.connect(t)
		knows, other := first.client, first.server // the refused side may not know why
		if strings.HasPrefix(tc.refuses, tc.link.Server.Name) {
			knows, other = other, knows
		}
		if !strings.HasPrefix(knows, tc.refuses) || !strings.Contains(knows, "): "+tc.why) || !strings.Contains(knows, "(serial ") || !strings.Contains(knows, " CA with key id ") {
			t.Errorf("%s: %s\nwant %s (...): %s", name, knows, tc.refuses, tc.why)
		}
		want := knows
		if tc.guess != "" {
			want = strings.Replace(knows, tc.why, tc.guess, 1)
		}
		if other != want {
			t.Errorf("%s: the other side says\n%s\nwant\n%s", name, other, want)
		}
		for range 19 {
			if again := tc.connect(t); again != first {
				t.Errorf("%s: said\n%+v\nthen\n%+v", name, first, again)
				break
			}
		}
	}
	good := agents(in(ours, "host"), in(ours, "k8s-master"), ours)
	if got := good.connect(t); got != (said{}) {
		t.Errorf("good certificates: %+v", got)
	}
}

// TestTheRefusedHearWhy: who refuses hangs up only when the other one has read why,
// although there is more to read than was asked for.
func TestTheRefusedHearWhy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	go func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		attempt := AgentLink().Accept(raw)
		_, _ = io.ReadFull(attempt, make([]byte, 1))
		_, _ = attempt.Write([]byte("alert"))
		attempt.Close()
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = c.Write(make([]byte, 4096))
	must(t, err)
	text := make([]byte, 5)
	if _, err := io.ReadFull(c, text); err != nil {
		t.Fatalf("heard %q, %v", text, err)
	}
	must(t, c.(*net.TCPConn).CloseWrite())
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		t.Errorf("the connection was not ended but reset: %q, %v", rest, err)
	}
}

// TestTextsOfStrangersAreCleaned: a peer that is refused has chosen what the message quotes.
func TestTextsOfStrangersAreCleaned(t *testing.T) {
	dir := t.TempDir()
	must(t, Init(CAOptions{Dir: dir}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Agent, Name: "\x1b[2J" + strings.Repeat("x", 5000)[:200], Out: filepath.Join(dir, "evil")}))
	evil := load(t, dir, "evil").pair.Leaf
	for i := range 100 {
		evil.DNSNames = append(evil.DNSNames, strings.Repeat(string(rune('a'+i%26)), 200))
	}
	r := &Refusal{By: AgentLink().Client, Of: AgentLink().Server, Cert: evil}
	r.judge(x509.HostnameError{Certificate: evil, Host: "k8s-master"}, time.Now())
	for _, text := range []string{r.Error(), r.Remedy()} {
		if strings.ContainsRune(text, '\x1b') || len(text) > 2000 {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	}
}

// TestAClockThatDiffers: the side whose clock is right does not say that its
// certificate has expired.
func TestAClockThatDiffers(t *testing.T) {
	dir := t.TempDir()
	must(t, Init(CAOptions{Dir: dir}))
	must(t, Issue(LeafOptions{Dir: dir, Kind: Host, Name: "host"}))
	leaf := load(t, dir, "host").pair.Leaf
	r := &Refusal{By: AgentLink().Server, Of: AgentLink().Client, Cert: leaf}
	for now, want := range map[time.Time]string{
		time.Now():                           "it or its authority is out of date by the clock of the agent",
		leaf.NotAfter.Add(time.Second):       "it has expired on ",
		leaf.NotBefore.Add(-2 * time.Second): "it is not valid before ",
	} {
		if r.outdated(leaf, now); !strings.HasPrefix(r.Why, want) {
			t.Errorf("at %s: %s", now, r.Why)
		}
	}
}
