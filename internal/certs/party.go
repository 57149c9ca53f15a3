package certs

import (
	"crypto/x509"
	"net"
	"slices"
)

// Party is one side of a connection, in the words that the logs of both sides use.
type Party struct {
	Short string // "the agent"
	Name  string // the same with the address, where others may be meant
	Kind  Kind   // of the certificate that it has to show
	Cert  string // the setting that names its certificate
	CA    string // the setting that names the authorities that it trusts
}

func (p Party) at(a net.Addr) Party {
	p.Name += " at " + a.String()
	return p
}

// Link is what two of our programs are to each other on a connection with TLS.
type Link struct{ Client, Server Party }

// AgentLink is between the service and an agent.
func AgentLink() Link {
	return Link{
		Client: Party{Short: "the service", Name: "the service", Kind: Host, Cert: "agents.tls.cert", CA: "agents.tls.ca"},
		Server: Party{Short: "the agent", Name: "the agent", Kind: Agent, Cert: "tls.cert", CA: "tls.ca"},
	}
}

// CallerLink is between a caller and the service's remote listener.
func CallerLink() Link {
	return Link{
		Client: Party{Short: "the caller", Name: "the caller", Kind: Client, Cert: "--cert", CA: "--ca"},
		Server: Party{Short: "the service", Name: "the service", Kind: Service, Cert: "listen.remote.cert", CA: "listen.remote.ca"},
	}
}

// kinds are those that a certificate can be of: a service's and an agent's look alike.
func kinds(c *x509.Certificate) (list []Kind) {
	may := func(usage x509.ExtKeyUsage) bool {
		unlimited := len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0
		return unlimited || slices.Contains(c.ExtKeyUsage, usage) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
	}
	if may(x509.ExtKeyUsageServerAuth) {
		list = append(list, Service, Agent)
	}
	if may(x509.ExtKeyUsageClientAuth) {
		list = append(list, clientKind(c))
	}
	return list
}

// clientKind parts hosts, which an agent lets in, from the callers of the service.
func clientKind(c *x509.Certificate) Kind {
	for _, uri := range c.URIs {
		if uri.String() == RolePrefix+string(Host) {
			return Host
		}
	}
	return Client
}
