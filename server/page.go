package server

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/hcsroute/hcsroute/routes"
)

// page makes and reads page tokens that belong to one filter: callers cannot
// look into them, and one of another filter is refused.
type page struct{ bound []byte }

func pageOf(filter proto.Message) page {
	bound := sum(filter)
	return page{bound: bound[:12]}
}

func (p page) encode(content []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(bytes.Clone(p.bound), content...))
}

func (p page) decode(token string) ([]byte, error) {
	data, err := base64.RawURLEncoding.DecodeString(token)
	content, ok := bytes.CutPrefix(data, p.bound)
	if err != nil || !ok || len(content) == 0 {
		return nil, badToken(token)
	}
	return content, nil
}

func badToken(token string) error {
	return &routes.Error{
		Reason: routes.BadRequest, Field: "page_token", Value: fmt.Sprintf("%.32q", token), Problem: "not a token of this filter",
		Action: "Give the next_page_token of the page before, with the same filter; start without a token",
	}
}

// token is for the page that starts after a key.
func (p page) token(after routes.Key) string { return p.encode(routes.AppendKey(nil, after)) }

// key reads what token made; no token is the first page.
func (p page) key(token string) (routes.Key, error) {
	if token == "" {
		return routes.Key{}, nil
	}
	content, err := p.decode(token)
	if err != nil {
		return routes.Key{}, err
	}
	key, err := routes.DecodeKey(content)
	if err != nil {
		return routes.Key{}, badToken(token)
	}
	return key, nil
}

// sequenceToken is for the page of audit records older than a sequence.
func (p page) sequenceToken(before uint64) string {
	return p.encode(binary.BigEndian.AppendUint64(nil, before))
}

// sequence reads what sequenceToken made; no token is 0, the newest.
func (p page) sequence(token string) (uint64, error) {
	if token == "" {
		return 0, nil
	}
	content, err := p.decode(token)
	if err != nil {
		return 0, err
	}
	if len(content) != 8 {
		return 0, badToken(token)
	}
	return binary.BigEndian.Uint64(content), nil
}

// parseAddress reads one address of a packet.
func parseAddress(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || a.Zone() != "" || a.IsUnspecified() {
		return netip.Addr{}, &routes.Error{Reason: routes.BadRequest, Field: "address", Value: fmt.Sprintf("%.64q", text), Problem: "not an IP address of a packet's destination", Action: "Give one IPv4 or IPv6 address, without a prefix length or a zone"}
	}
	return a.Unmap(), nil
}
