//go:build linux

package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/hcsroute/hcsroute/lab"
)

const (
	// RemoteAddress is the service's remote listener, on the management port.
	RemoteAddress = "tcp://10.10.1.10:7443"
	// ServiceName is the name of the remote listener's certificate.
	ServiceName = "edge1"
	agentPort   = "7444"
)

// TCP is how the system is set up with TCP and mutual TLS.
type TCP struct {
	// PKI is a folder with what the commands of the operator guide and of the
	// automation page make. Empty: hcsroute certs makes it in the state folder.
	PKI string
}

// PKI is the folder of the certificate authority.
func (s *System) PKI() string {
	if s.options.TCP != nil && s.options.TCP.PKI != "" {
		return s.options.TCP.PKI
	}
	return s.path("pki")
}

func (s *System) setUpTLS(ctx context.Context) error {
	if s.options.TCP == nil {
		return nil
	}
	if s.options.TCP.PKI == "" {
		if err := s.MakeCertificates(ctx, s.PKI()); err != nil {
			return err
		}
	}
	return s.InstallCertificates(s.PKI())
}

// MakeCertificates makes an authority in a new folder, and all certificates of
// the system: host, the service's, one for each node, one client for each role.
func (s *System) MakeCertificates(ctx context.Context, dir string) error {
	commands := [][]string{
		{"init"},
		{"issue", "host", "--kind", "host"},
		{"issue", ServiceName, "--kind", "service", "--san", "edge1.example.net", "--san", "10.10.1.10"},
	}
	for _, n := range s.Lab.Nodes() {
		commands = append(commands, []string{"issue", n.Name, "--kind", "agent"})
	}
	for _, role := range []string{"reader", "operator", "admin"} {
		commands = append(commands, []string{"issue", role, "--kind", "client", "--role", role})
	}
	for _, args := range commands {
		args = append([]string{"certs"}, append(args, "--dir", dir)...)
		res, err := s.CLI(ctx, args...)
		if err != nil {
			return err
		}
		if res.Code != 0 {
			return fmt.Errorf("hcsroute %s: exit code %d: %s", strings.Join(args, " "), res.Code, res.Stderr)
		}
	}
	return nil
}

// InstallCertificates copies from an authority's folder what each side needs:
// to the host's pki folder and to those of the nodes. Running programs see it.
func (s *System) InstallCertificates(dir string) error {
	errs := []error{s.InstallHostCertificate(dir, "host"), install(dir, ServiceName, s.path("host", "pki", ServiceName))}
	for _, n := range s.Lab.Nodes() {
		errs = append(errs, s.InstallAgentCertificate(n, dir, n.Name))
	}
	return errors.Join(errs...)
}

// InstallAgentCertificate gives a node the certificate of that name.
func (s *System) InstallAgentCertificate(n lab.Node, dir, name string) error {
	return install(dir, name, filepath.Join(n.StateDir, "pki", "agent"))
}

// InstallHostCertificate gives the service the certificate of that name for
// its calls to the agents.
func (s *System) InstallHostCertificate(dir, name string) error {
	return install(dir, name, s.path("host", "pki", "host"))
}

// install copies certificate and key to a path without extension, and the
// authority's certificate to its folder.
func install(dir, name, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	for from, to := range map[string]string{name + ".crt": to + ".crt", name + ".key": to + ".key", "ca.crt": filepath.Join(filepath.Dir(to), "ca.crt")} {
		data, err := os.ReadFile(filepath.Join(dir, from))
		if err != nil {
			return err
		}
		if err := replaceFile(to, data); err != nil {
			return err
		}
	}
	return nil
}

// endpoint is where a node's agent listens.
func (s *System) endpoint(n lab.Node) string {
	if s.options.TCP == nil {
		return "unix://" + n.Socket
	}
	return "tcp://" + tcpAddress(n)
}

// tcpAddress is on the internal switch, which the nodes share with the host only.
func tcpAddress(n lab.Node) string {
	for _, nic := range n.NICs {
		if nic.Port == "" {
			return net.JoinHostPort(nic.Addresses[0].Addr().String(), agentPort)
		}
	}
	return net.JoinHostPort("", agentPort)
}

func (s *System) agentReady(n lab.Node) func(context.Context) error {
	if s.options.TCP == nil {
		return lab.ReadySocket(n.Socket)
	}
	return lab.ReadyTCP(s.Lab.NS(n.Name), tcpAddress(n))
}

func (s *System) serviceReady(ctx context.Context) error {
	err := lab.ReadySocket(strings.TrimPrefix(s.Address, "unix://"))(ctx)
	if err == nil && s.options.TCP != nil {
		err = lab.ReadyTCP(s.Lab.NS(lab.Host), strings.TrimPrefix(RemoteAddress, "tcp://"))(ctx)
	}
	return err
}
