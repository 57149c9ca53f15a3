package client

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/routes"
)

// tlsConfig reads the three files that a remote service asks for.
func tlsConfig(o Options, target string) (*tls.Config, error) {
	for _, f := range []struct{ name, value string }{{"cert", o.Cert}, {"key", o.Key}, {"ca", o.CA}} {
		if f.value == "" {
			return nil, &routes.Error{
				Reason: routes.BadRequest, Field: f.name, Problem: "a tcp address needs a certificate, its key and the CA",
				Action: "Give --cert, --key and --ca, or HCSROUTE_CERT, HCSROUTE_KEY and HCSROUTE_CA; hcsroute certs issue makes them",
			}
		}
	}
	cert, err := tls.LoadX509KeyPair(o.Cert, o.Key)
	if err != nil {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "cert", Value: o.Cert, Problem: err.Error(), Cause: err}
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "ca", Value: o.CA, Problem: err.Error(), Cause: err}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "ca", Value: o.CA, Problem: "no PEM certificate in it"}
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "address", Value: o.Address, Problem: "not host and port", Cause: err}
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: host}
	certs.Show(config)
	return config, nil
}
