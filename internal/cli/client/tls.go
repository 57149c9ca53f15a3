package client

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"

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
	var content [3][]byte
	for i, f := range []struct{ name, path, env string }{{"cert", o.Cert, "HCSROUTE_CERT"}, {"key", o.Key, "HCSROUTE_KEY"}, {"ca", o.CA, "HCSROUTE_CA"}} {
		var err error
		if content[i], err = os.ReadFile(f.path); err != nil {
			return nil, &routes.Error{
				Reason: routes.BadRequest, Field: f.name, Value: f.path, Problem: rootCause(err).Error(), Cause: err,
				Action: "Name a file that you can read with --" + f.name + " or " + f.env,
			}
		}
	}
	cert, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return nil, &routes.Error{
			Reason: routes.BadRequest, Field: "cert", Value: o.Cert, Cause: err,
			Problem: "with the key " + o.Key + ": " + strings.TrimPrefix(err.Error(), "tls: "),
			Action:  "Give the two files that 'hcsroute certs issue NAME' wrote together: NAME.crt with --cert, NAME.key with --key",
		}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content[2]) {
		return nil, &routes.Error{
			Reason: routes.BadRequest, Field: "ca", Value: o.CA, Problem: "no PEM certificate in it",
			Action: "Give the ca.crt of the authority that issued the service's certificate",
		}
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "address", Value: o.Address, Problem: "not host and port", Cause: err}
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: host}
	certs.Show(config)
	return config, nil
}
