package store_test

import (
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func TestMatcher(t *testing.T) {
	four, err := routes.Parse(routes.Text{Interface: "Port3", Destination: "10.1.1.0/24", NextHop: "192.168.20.1", Metric: 100})
	if err != nil {
		t.Fatal(err)
	}
	six, err := routes.Parse(routes.Text{Interface: "port4", Destination: "2001:db8:1::/48", NextHop: "fe80::1", Metric: 200})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		query     store.Query
		four, six bool
	}{
		"all":             {store.Query{}, true, true},
		"a port":          {store.Query{Interfaces: []string{"PORT3"}}, true, false},
		"ports":           {store.Query{Interfaces: []string{"Port3", "Port4"}}, true, true},
		"a destination":   {store.Query{Destinations: []netip.Prefix{six.Destination()}}, false, true},
		"next hops":       {store.Query{NextHops: []netip.Addr{four.NextHop(), six.NextHop()}}, true, true},
		"a next hop":      {store.Query{NextHops: []netip.Addr{four.NextHop()}}, true, false},
		"a metric":        {store.Query{Metrics: []uint16{200}}, false, true},
		"IPv4":            {store.Query{Family: 4}, true, false},
		"IPv6":            {store.Query{Family: 6}, false, true},
		"each, not both":  {store.Query{Interfaces: []string{"Port3"}, Metrics: []uint16{200}}, false, false},
		"all of them fit": {store.Query{Interfaces: []string{"Port4"}, Metrics: []uint16{1, 200}, Family: 6}, false, true},
	} {
		m := c.query.Matcher()
		if m.Takes(four) != c.four || m.Takes(six) != c.six {
			t.Errorf("%s: %v %v", name, m.Takes(four), m.Takes(six))
		}
	}
}
