package fleet

import (
	"fmt"
	"net/netip"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// fromNICs reads the node's NICs. What cannot be read is left out: it is for
// checks and display, never for the set.
func fromNICs(name string, list []*pb.Nic) []Link {
	links := make([]Link, 0, len(list))
	for _, p := range list {
		link := Link{Name: claim(p.Link), Up: p.Up, NodeNIC: routes.NodeNIC{Node: name, MAC: claim(p.Mac), Addressing: addressing(p.Addressing)}}
		for _, s := range p.Addresses[:min(len(p.Addresses), agentapi.MaxNetworks)] {
			if a, err := netip.ParsePrefix(s); err == nil {
				link.Addresses = append(link.Addresses, a)
			}
		}
		for _, c := range p.Connected[:min(len(p.Connected), agentapi.MaxNetworks)] {
			if net, err := netip.ParsePrefix(c.Prefix); err == nil {
				link.Connected = append(link.Connected, routes.ConnectedRoute{Prefix: net, Metric: c.Metric})
			}
		}
		links = append(links, link)
	}
	return links
}

// fromAlarms reads the alarms. An older agent joins them into one text.
func fromAlarms(r *pb.Report) (all []alarm) {
	for _, p := range r.Alarms {
		if token(p.Kind) && p.Text != "" {
			all = append(all, alarm{routes.AlarmKind(p.Kind), claim(p.Text)})
		}
	}
	if len(all) == 0 && r.Alarm != "" {
		all = append(all, alarm{text: claim(r.Alarm)})
	}
	return all
}

func addressing(s string) routes.Addressing {
	switch a := routes.Addressing(s); a {
	case routes.AddressingStatic, routes.AddressingDHCP, routes.AddressingLinkLocal, routes.AddressingNone:
		return a
	}
	return routes.AddressingUnknown
}

// fromException reads an exception; a state that this host does not know is
// an error, because it must not count as programmed.
func fromException(p *pb.Exception) (routes.Key, exception, error) {
	key, err := agentapi.FromKey(p.GetKey())
	if err != nil {
		return key, exception{}, err
	}
	if !token(p.Cause) || !token(p.Condition) {
		return key, exception{}, fmt.Errorf("cause %.70q with condition %.70q of %s", p.Cause, p.Condition, key)
	}
	e := exception{state: routes.State(p.State), cause: routes.Cause(p.Cause), condition: routes.Condition(p.Condition), detail: claim(p.Detail)}
	switch e.state {
	case routes.Programmed, routes.Waiting, routes.Failed, routes.Removing:
	default:
		return key, e, fmt.Errorf("state %.70q of %s", p.State, key)
	}
	if p.Time.IsValid() {
		e.time = p.Time.AsTime()
	}
	return key, e, nil
}
