package routes_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

func TestParseRefuses(t *testing.T) {
	const hop4, hop6 = "192.168.20.1", "fd00:20::1"
	for _, tc := range []struct {
		destination, hop string
		metric           int64
		reason           routes.Reason
		says             []string // parts that the operator must see
	}{
		{"", hop4, 100, routes.DestinationInvalid, []string{`""`, "not an IP address or prefix"}},
		{"camera", hop4, 100, routes.DestinationInvalid, []string{"camera"}},
		{"192.168.21.0/33", hop4, 100, routes.DestinationInvalid, []string{"192.168.21.0/33"}},
		{"192.168.021.0/24", hop4, 100, routes.DestinationInvalid, []string{"192.168.021.0/24"}},
		{"fd00::%eth0/64", hop6, 100, routes.DestinationInvalid, []string{"zone"}},
		{"fd00::1%eth0", hop6, 100, routes.DestinationInvalid, []string{"zone"}},
		{"::ffff:10.0.0.0/104", hop6, 100, routes.DestinationInvalid, []string{"IPv4", "10.0.0.0"}},
		{"192.168.21.5/24", hop4, 100, routes.DestinationHostBits, []string{"192.168.21.5/24", "192.168.21.0/24", "192.168.21.5 for that one"}},
		{"fd00:21::5/64", hop6, 100, routes.DestinationHostBits, []string{"fd00:21::/64"}},
		{"224.0.0.0/8", hop4, 100, routes.DestinationInvalid, []string{"multicast"}},
		{"ff02::/16", hop6, 100, routes.DestinationInvalid, []string{"multicast"}},
		{"127.0.0.1", hop4, 100, routes.DestinationInvalid, []string{"loopback"}},
		{"::1", hop6, 100, routes.DestinationInvalid, []string{"loopback"}},
		{"::/64", hop6, 100, routes.DestinationInvalid, []string{"unspecified"}},
		{"169.254.1.0/24", hop4, 100, routes.DestinationInvalid, []string{"link-local"}},
		{"fe80::/64", hop6, 100, routes.DestinationInvalid, []string{"link-local"}},
		{"0.0.0.0/8", hop4, 100, routes.DestinationInvalid, []string{"unspecified"}},
		{"255.255.255.255", hop4, 100, routes.DestinationInvalid, []string{"broadcast"}},
		{"192.168.21.0/24", "", 100, routes.NextHopInvalid, []string{`""`}},
		{"192.168.21.0/24", hop6, 100, routes.NextHopInvalid, []string{"family", hop6}},
		{"fd00:21::/64", hop4, 100, routes.NextHopInvalid, []string{"family"}},
		{"192.168.21.0/24", "127.0.0.1", 100, routes.NextHopInvalid, []string{"127.0.0.1"}},
		{"192.168.21.0/24", "224.0.0.1", 100, routes.NextHopInvalid, []string{"unicast"}},
		{"192.168.21.0/24", "255.255.255.255", 100, routes.NextHopInvalid, []string{"unicast"}},
		{"fd00:21::/64", "fe80::1%Port4", 100, routes.NextHopInvalid, []string{"Port4", "Port3"}},
		{"192.168.21.1", "192.168.21.1", 100, routes.NextHopInvalid, []string{"its own next hop"}},
		{"192.168.21.0/24", hop4, 0, routes.MetricOutOfRange, []string{"0", "1..65535"}},
		{"192.168.21.0/24", hop4, -5, routes.MetricOutOfRange, []string{"-5"}},
		{"192.168.21.0/24", hop4, 65536, routes.MetricOutOfRange, []string{"65536"}},
		{"fd00:21::/64", hop6, 0, routes.MetricOutOfRange, []string{"0"}},
	} {
		_, err := routes.Parse(routes.Text{Interface: "Port3", Destination: tc.destination, NextHop: tc.hop, Metric: tc.metric})
		if !errors.Is(err, &routes.Error{Reason: tc.reason}) {
			t.Errorf("%s via %s metric %d: %v, want %s", tc.destination, tc.hop, tc.metric, err, tc.reason)
			continue
		}
		for _, part := range tc.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
	for _, alias := range []string{"", "  ", "Port*", "a\x00b", "a\nb", "\xff", strings.Repeat("x", 300)} {
		_, err := routes.Parse(routes.Text{Interface: alias, Destination: "192.168.21.0/24", NextHop: hop4, Metric: 1})
		if routes.ReasonOf(err) != routes.InterfaceNotFound {
			t.Errorf("alias %q: %v", alias, err)
		}
		if strings.Contains(err.Error(), "wildcard") != strings.Contains(alias, "*") {
			t.Errorf("alias %q: %v", alias, err)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	for _, tc := range []struct{ destination, hop, want string }{
		{"192.168.21.0/24", "192.168.20.1", "192.168.21.0/24 via 192.168.20.1 on Port3 metric 256"},
		{" 192.168.21.0/24 ", "192.168.20.1", "192.168.21.0/24 via 192.168.20.1 on Port3 metric 256"},
		{"192.168.21.15", "192.168.20.1", "192.168.21.15/32 via 192.168.20.1 on Port3 metric 256"},
		{"192.168.20.0/24", "192.168.20.1", "192.168.20.0/24 via 192.168.20.1 on Port3 metric 256"}, // the vendor's own example
		{"192.168.21.0/24", "0.0.0.0", "192.168.21.0/24 via 0.0.0.0 on Port3 metric 256"},
		{"fd00:0021::/64", "fe80::1%port3", "fd00:21::/64 via fe80::1 on Port3 metric 256"},
		{"fd00:21::15", "::", "fd00:21::15/128 via :: on Port3 metric 256"},
		{"0.0.0.0/0", "192.168.20.1", "0.0.0.0/0 via 192.168.20.1 on Port3 metric 256"}, // the policy decides
	} {
		r, err := routes.Parse(routes.Text{Interface: "Port3", Destination: tc.destination, NextHop: tc.hop, Metric: routes.DefaultMetric})
		if err != nil || r.String() != tc.want {
			t.Errorf("%s via %s: %s, %v; want %s", tc.destination, tc.hop, r, err, tc.want)
		}
	}
}
