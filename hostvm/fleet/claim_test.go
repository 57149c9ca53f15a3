package fleet

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
)

func TestClaim(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"", ""},
		{"EINVAL: invalid argument", "EINVAL: invalid argument"},
		{"two\nlines\x1b[2J", "two lines[2J"},
		{"a\u202eb\u2066c\u200bd", "abcd"},
		{"경로 ルート", "경로 ルート"},
		{"bad\xff", "bad?"},
		{strings.Repeat("x", maxClaim), strings.Repeat("x", maxClaim)},
		{strings.Repeat("x", maxClaim+1), strings.Repeat("x", maxClaim-3) + "..."},
	} {
		if got := claim(c.said); got != c.want {
			t.Errorf("%.40q: %q", c.said, got)
		}
	}
}

// TestToken: each cause and condition that an agent of this release reports is a
// valid token, or its session would end with the report.
func TestToken(t *testing.T) {
	source, err := os.ReadFile("../../routes/status.go")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`(?m)^\t\w+ +(?:Cause|Condition) += "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(words) < 15 {
		t.Fatalf("%d causes and conditions found: %v", len(words), words)
	}
	for _, w := range words {
		if !token(w[1]) {
			t.Errorf("%s is refused", w[1])
		}
	}
	for _, s := range []string{"link_down", "A B", "\x1b[2J", "LINK\n", strings.Repeat("X", 65)} {
		if token(s) {
			t.Errorf("%q is taken", s)
		}
	}
}

func FuzzClaim(f *testing.F) {
	f.Add("two\nlines\u202e")
	f.Add(strings.Repeat("경", maxClaim))
	f.Fuzz(func(t *testing.T, said string) {
		got := claim(said)
		if len(got) > maxClaim || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\x1b\n\r\t\u202a\u202e\u2066") || claim(got) != got {
			t.Errorf("%q becomes %q", said, got)
		}
	})
}

// TestLargestNIC: a NIC with all that an agent reports of one is no excess.
func TestLargestNIC(t *testing.T) {
	nic := &pb.Nic{Mac: "02:00:00:00:20:11", Link: "kube-ipvs0"}
	for i := range agentapi.MaxNetworks {
		prefix := fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%x/128", 0x1000+i)
		nic.Addresses = append(nic.Addresses, prefix)
		nic.Connected = append(nic.Connected, &pb.Connected{Prefix: prefix, Metric: 1 << 31})
	}
	data, err := proto.Marshal(&pb.SessionResponse{Message: &pb.SessionResponse_Hello{Hello: &pb.AgentHello{NodeId: "n", Nics: []*pb.Nic{nic}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := checkMessage(data, 0); err != nil {
		t.Error(err)
	}
}

// FuzzMessage: what passes the look ahead decodes to no more than it may have.
func FuzzMessage(f *testing.F) {
	for _, m := range []*pb.SessionResponse{
		{Message: &pb.SessionResponse_Hello{Hello: &pb.AgentHello{NodeId: "n", Nics: []*pb.Nic{{Mac: "02:00:00:00:20:11"}}}}},
		{Message: &pb.SessionResponse_Report{Report: &pb.Report{Exceptions: []*pb.Exception{{State: "FAILED"}, {}}, Resolved: []*pb.RouteKey{{}}}}},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	const limit = 3
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &pb.SessionResponse{}
		if checkMessage(data, limit) != nil || proto.Unmarshal(data, m) != nil {
			return
		}
		if r := m.GetReport(); len(r.GetExceptions())+len(r.GetResolved()) > limit {
			t.Errorf("%d exceptions and %d resolved in % x", len(r.Exceptions), len(r.Resolved), data)
		}
	})
}
