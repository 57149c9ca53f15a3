// Package view holds the JSON objects of the public scripting contract
// (docs/json-lines.md) and of the CLI's JSON output, and makes them from the
// API's messages. Fields are only ever added.
package view

import (
	"net/netip"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// Route is a custom route. Index and Outcome are those of a change's item.
type Route struct {
	Index         *int         `json:"index,omitempty"`
	Outcome       string       `json:"outcome,omitempty"`
	Interface     string       `json:"interface"`
	Destination   string       `json:"destination"`
	NextHop       string       `json:"next_hop,omitempty"`
	Metric        uint32       `json:"metric"`
	AddressFamily string       `json:"address_family,omitempty"`
	State         string       `json:"state,omitempty"`
	Cause         string       `json:"cause,omitempty"`
	Condition     string       `json:"condition,omitempty"`
	Detail        string       `json:"detail,omitempty"`
	Revision      uint64       `json:"revision"`
	CreatedBy     string       `json:"created_by,omitempty"`
	CreatedTime   string       `json:"created_time,omitempty"`
	ChangedTime   string       `json:"changed_time,omitempty"`
	Warnings      []Warning    `json:"warnings,omitempty"`
	Nodes         []NodeStatus `json:"nodes,omitempty"`
}

// NodeStatus is a route's status on one node.
type NodeStatus struct {
	Node      string `json:"node"`
	State     string `json:"state,omitempty"`
	Cause     string `json:"cause,omitempty"`
	Condition string `json:"condition,omitempty"`
	Detail    string `json:"detail,omitempty"`
	Revision  uint64 `json:"revision"`
	Time      string `json:"time,omitempty"`
	// ReportAge is how many seconds ago the node's agent last reported.
	ReportAge *uint32 `json:"report_age_seconds,omitempty"`
}

// Warning says what is odd about a route that was accepted.
type Warning struct {
	Index   *int              `json:"index,omitempty"`
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Params  map[string]string `json:"params,omitempty"`
}

// FromRoute converts a route.
func FromRoute(p *pb.Route) Route {
	r := Route{
		Interface: p.GetInterface(), Destination: p.GetDestination(), NextHop: p.GetNextHop(), Metric: p.GetMetric(),
		AddressFamily: family(p.GetDestination()), State: enum(p.GetState().String(), "STATE_"), Cause: p.GetCause(),
		Condition: p.GetCondition(), Detail: p.GetDetail(), Revision: p.GetRevision(), CreatedBy: p.GetCreatedBy(),
		CreatedTime: Time(p.GetCreateTime()), ChangedTime: Time(p.GetUpdateTime()), Warnings: FromWarnings(p.GetWarnings()),
	}
	for _, n := range p.GetNodes() {
		r.Nodes = append(r.Nodes, NodeStatus{
			Node: n.GetNode(), State: enum(n.GetState().String(), "STATE_"), Cause: n.GetCause(), Condition: n.GetCondition(),
			Detail: n.GetDetail(), Revision: n.GetRevision(), Time: Time(n.GetTime()), ReportAge: n.ReportAgeSeconds,
		})
	}
	return r
}

// FromRoutes converts a list; it is never nil, so that it shows as [] in JSON.
func FromRoutes(list []*pb.Route) []Route {
	out := make([]Route, 0, len(list))
	for _, p := range list {
		out = append(out, FromRoute(p))
	}
	return out
}

// FromWarnings converts warnings.
func FromWarnings(list []*pb.Warning) []Warning {
	var out []Warning
	for _, w := range list {
		out = append(out, Warning{Code: w.GetCode(), Message: w.GetMessage(), Params: w.GetParams()})
	}
	return out
}

// Outcome is an outcome's word; empty where the item was refused.
func Outcome(o pb.Outcome) string { return enum(o.String(), "OUTCOME_") }

// Time is a time in UTC, RFC 3339 with milliseconds; empty where there is none.
func Time(t *timestamppb.Timestamp) string {
	if t == nil || t.GetSeconds() == 0 && t.GetNanos() == 0 {
		return ""
	}
	return t.AsTime().UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// ParseTime reads RFC 3339; empty is no time.
func ParseTime(s string) (*timestamppb.Timestamp, error) {
	if s == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, err
	}
	return timestamppb.New(t), nil
}

// enum is the word of a proto enum; empty for UNSPECIFIED.
func enum(name, prefix string) string {
	word := strings.TrimPrefix(name, prefix)
	if word == "UNSPECIFIED" {
		return ""
	}
	return word
}

func family(destination string) string {
	addr, _, _ := strings.Cut(destination, "/")
	a, err := netip.ParseAddr(addr)
	switch {
	case err != nil:
		return ""
	case a.Is4():
		return "IPv4"
	}
	return "IPv6"
}
