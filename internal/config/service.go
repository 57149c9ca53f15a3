package config

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/hcsroute/hcsroute/routes"
)

// ServicePrefix starts the service's environment variables.
const ServicePrefix = "HCSROUTED_"

// Service is the configuration of hcsrouted.
type Service struct {
	Store     Store     `yaml:"store"`
	Listen    Listen    `yaml:"listen"`
	Inventory Inventory `yaml:"inventory"`
	Agents    Agents    `yaml:"agents"`
	Policy    Policy    `yaml:"policy"`
	Limits    Limits    `yaml:"limits"`
	Log       Log       `yaml:"log"`
}

// Store says where routes are kept.
type Store struct {
	Path    string `yaml:"path" path:"true" help:"file of the store"`
	Archive string `yaml:"archive" path:"true" help:"file that audit records go to before they leave the store; the log where empty"`
}

// Listen says where the service is reached.
type Listen struct {
	Local  Local   `yaml:"local"`
	Remote *Remote `yaml:"remote"` // nil: off
}

// Local is the listener for callers on the device.
type Local struct {
	Address   Address `yaml:"address" help:"unix:///path of the local socket"`
	Readers   Callers `yaml:"readers"`
	Operators Callers `yaml:"operators"`
	Admins    Callers `yaml:"admins"` // besides 0 and the service's own user
}

// Callers are those with one role.
type Callers struct {
	UIDs []uint32 `yaml:"uids" help:"user ids with this role"`
	GIDs []uint32 `yaml:"gids" help:"group ids with this role"`
}

// Remote is the listener for callers elsewhere, with mutual TLS.
type Remote struct {
	Address Address `yaml:"address" help:"tcp://host:port for remote callers"`
	Cert    string  `yaml:"cert" path:"true" help:"certificate of the service, PEM"`
	Key     string  `yaml:"key" path:"true" help:"private key of the service, PEM"`
	CA      string  `yaml:"ca" path:"true" help:"CA of the callers' certificates, PEM"`
}

// TLS names the listener's files.
func (r Remote) TLS() TLS { return TLS{Cert: r.Cert, Key: r.Key, CA: r.CA} }

// Inventory says what the device's ports and nodes are read from.
type Inventory struct {
	Provider string `yaml:"provider" help:"linux, or none for the file only"`
	File     string `yaml:"file" path:"true" help:"inventory file"`
}

// Agents says how the nodes' agents are reached.
type Agents struct {
	TLS TLS `yaml:"tls"`
}

// Policy is the operator's part of the rules.
type Policy struct {
	DefaultRoutes    routes.Permission `yaml:"default_routes" help:"allow or refuse"`
	HostDestinations routes.Permission `yaml:"host_destinations" help:"allow or refuse"`
	CoverServices    routes.Permission `yaml:"cover_services" help:"allow or refuse"`
	CoverProtected   routes.Permission `yaml:"cover_protected" help:"allow or refuse"`
	OverrideOnLink   routes.Permission `yaml:"override_on_link" help:"allow or refuse"`
	PodSubnets       []Range           `yaml:"pod_subnets" help:"ranges of the pods"`
	ServiceSubnets   []Range           `yaml:"service_subnets" help:"ranges of the cluster's services"`
	ExternalServices []Range           `yaml:"external_service_ranges" help:"ranges of the cluster's external services"`
	NodeRanges       []Range           `yaml:"node_ranges" help:"ranges of the nodes"`
	Protected        []Range           `yaml:"protected" help:"other ranges that routes must not take over"`
}

// Limits bound what callers can make the service do.
type Limits struct {
	Connections int           `yaml:"connections" help:"connections of one listener at a time"`
	Streams     uint32        `yaml:"streams" help:"calls of one connection at a time"`
	Message     Size          `yaml:"message" help:"largest request in bytes"`
	Handshake   time.Duration `yaml:"handshake" help:"time for a new connection to become usable"`
	Stop        time.Duration `yaml:"stop" help:"time for calls under way when the service stops"`
}

// DefaultService is the configuration where nothing is given.
func DefaultService() Service {
	return Service{
		Store:     Store{Path: "/var/lib/hcsroute/hcsroute.db"},
		Listen:    Listen{Local: Local{Address: Address{Network: "unix", Host: "/run/hcsroute/hcsroute.sock"}}},
		Inventory: Inventory{Provider: "linux", File: "/etc/hcsroute/inventory.yaml"},
		Policy: Policy{
			DefaultRoutes: routes.Refuse, HostDestinations: routes.Allow, CoverServices: routes.Refuse,
			CoverProtected: routes.Refuse, OverrideOnLink: routes.Refuse,
			// Defaults; the operator sets the cluster's own.
			PodSubnets:     []Range{mustRange("172.27.0.0/16"), mustRange("fd12:3456:789a::/64")},
			ServiceSubnets: []Range{mustRange("172.28.0.0/16"), mustRange("fd12:3456:789a:1::/108")},
		},
		// 4 MiB hold 10,000 IPv6 routes with aliases of the longest kind.
		Limits: Limits{Connections: 512, Streams: 128, Message: 4 << 20, Handshake: 5 * time.Second, Stop: 10 * time.Second},
		Log:    Log{Level: "info", Format: "text"},
	}
}

// LoadService reads and validates the configuration of hcsrouted.
func LoadService(s Sources) (Service, error) {
	c := DefaultService()
	where, err := s.load(ServicePrefix, &c)
	if err != nil {
		return c, err
	}
	return c, located(c.Validate(), where)
}

// Validate checks what reading each value alone does not. It returns all problems.
func (c Service) Validate() error {
	var found problems
	found.need(c.Store.Path != "", "store.path", "", "needed")
	found.need(c.Listen.Local.Address.Network == "unix", "listen.local.address", c.Listen.Local.Address.String(), "want unix:///path")
	if r := c.Listen.Remote; r != nil {
		found.need(r.Address.Network == "tcp", "listen.remote.address", r.Address.String(), "want tcp://host:port")
		found.need(!r.TLS().IsZero(), "listen.remote", "", "cert, key and ca are needed: remote callers are never taken without mutual TLS")
		found.add(r.TLS().validate("listen.remote"))
	}
	found.need(c.Inventory.Provider == "linux" || c.Inventory.Provider == "none", "inventory.provider", c.Inventory.Provider, "want linux or none")
	found.need(c.Inventory.Provider != "none" || c.Inventory.File != "", "inventory.file", "", "needed with provider none")
	found.add(c.Agents.TLS.validate("agents.tls"))
	permission := func(key string, p routes.Permission) {
		found.need(p == routes.Allow || p == routes.Refuse, key, string(p), "want allow or refuse")
	}
	permission("policy.default_routes", c.Policy.DefaultRoutes)
	permission("policy.host_destinations", c.Policy.HostDestinations)
	permission("policy.cover_services", c.Policy.CoverServices)
	permission("policy.cover_protected", c.Policy.CoverProtected)
	permission("policy.override_on_link", c.Policy.OverrideOnLink)
	within := func(key string, value, low, high int64) {
		found.need(value >= low && value <= high, key, fmt.Sprint(value), fmt.Sprintf("want %d to %d", low, high))
	}
	within("limits.connections", int64(c.Limits.Connections), 1, 100000)
	within("limits.streams", int64(c.Limits.Streams), 1, 100000)
	within("limits.message", int64(c.Limits.Message), 64<<10, 1<<30)
	found.need(c.Limits.Handshake >= 100*time.Millisecond && c.Limits.Handshake <= 2*time.Minute, "limits.handshake", c.Limits.Handshake.String(), "want 100ms to 2m")
	found.need(c.Limits.Stop >= 100*time.Millisecond && c.Limits.Stop <= 20*time.Second, "limits.stop", c.Limits.Stop.String(), "want 100ms to 20s")
	_, err := c.Log.Handler(Output{Writer: io.Discard}, new(slog.LevelVar))
	found.add(err)
	return found.join()
}

// Rules is the policy as the rules take it.
func (p Policy) Rules() routes.Policy {
	out := routes.Policy{
		DefaultRoutes: p.DefaultRoutes, HostDestinations: p.HostDestinations,
		CoverServices: p.CoverServices, CoverProtected: p.CoverProtected, OverrideOnLink: p.OverrideOnLink,
	}
	add := func(kind routes.ProtectedKind, ranges []Range) {
		for _, r := range ranges {
			out.Protected = append(out.Protected, r.protect(kind))
		}
	}
	add(routes.ProtectedPods, p.PodSubnets)
	add(routes.ProtectedService, p.ServiceSubnets)
	add(routes.ProtectedExternal, p.ExternalServices)
	add(routes.ProtectedNodes, p.NodeRanges)
	add(routes.ProtectedPolicy, p.Protected)
	return out
}
