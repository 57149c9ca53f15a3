package config

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
)

// AgentPrefix starts the agent's environment variables.
const AgentPrefix = "HCSROUTE_AGENT_"

// Agent is the configuration of hcsroute-agent.
type Agent struct {
	// Node is the node's id; it must match the certificate and the host's hello.
	Node     string    `yaml:"node" help:"id of this node"`
	Listen   []Address `yaml:"listen" help:"unix:///path and tcp://host:port, separated by commas"`
	TLS      TLS       `yaml:"tls"`
	StateDir string    `yaml:"state_dir" path:"true" help:"folder of the agent's state"`
	// Protocol is the rtm_protocol of our routes, 130..185 (numbers that
	// rtnetlink.h and rt_protos leave free).
	Protocol int           `yaml:"protocol" help:"rtm_protocol number of our routes, 130 to 185"`
	Resync   time.Duration `yaml:"resync_interval" help:"time between full comparisons with the kernel; up to four times that with very many routes"`
	// User is the name or number of the user to run as, where started as root.
	User string `yaml:"user" help:"user to run as when started as root"`
	Log  Log    `yaml:"log"`
}

// DefaultAgent is the configuration where nothing is given.
func DefaultAgent() Agent {
	return Agent{
		Listen:   []Address{{Network: "unix", Host: "/run/hcsroute-agent/agent.sock"}},
		StateDir: "/var/lib/hcsroute-agent",
		Protocol: 157,
		Resync:   90 * time.Second,
		Log:      Log{Level: "info", Format: "text"},
	}
}

// LoadAgent reads and validates the configuration of hcsroute-agent.
func LoadAgent(s Sources) (Agent, error) {
	c := DefaultAgent()
	where, err := s.load(AgentPrefix, &c)
	if err != nil {
		return c, err
	}
	return c, located(c.Validate(), where)
}

// Validate checks what reading each value alone does not. It returns all problems.
func (c Agent) Validate() error {
	var found problems
	found.need(c.Node != "", "node", "", "needed: the id of this node, as the host's inventory has it")
	found.need(len(c.Listen) > 0, "listen", "", "needed: at least one address")
	for _, a := range c.Listen {
		found.need(!certs.Needed(a.Network) || !c.TLS.IsZero(), "tls", "", "needed: "+a.String()+" is never served without mutual TLS")
	}
	found.add(c.TLS.validate("tls"))
	found.need(c.StateDir != "", "state_dir", "", "needed")
	found.need(c.Protocol >= 130 && c.Protocol <= 185, "protocol", fmt.Sprint(c.Protocol), "want 130 to 185")
	found.need(c.Resync >= time.Second && c.Resync <= 24*time.Hour, "resync_interval", c.Resync.String(), "want 1s to 24h")
	_, err := c.Log.Handler(Output{Writer: io.Discard}, new(slog.LevelVar))
	found.add(err)
	return found.join()
}
