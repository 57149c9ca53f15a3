package agentd

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/hcsroute/hcsroute/internal/listen"
)

// strangerLinger is how long somebody who is not the host keeps a connection:
// enough to be told.
const strangerLinger = 2 * time.Second

// connections are those of one listener. A host needs one; whoever does not
// prove to be one never takes its place.
func connections() listen.Limits {
	return listen.Limits{Pending: 64, PendingSource: 16, Members: 16, MembersNamed: 8, Reserved: 2}
}

// door lets hosts in, and others stay pending until they have been told.
type door struct {
	credentials.TransportCredentials
	who func(net.Conn, credentials.AuthInfo) (listen.Member, bool)
}

// ServerHandshake finds out who has connected.
func (d door) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := d.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	gated, ok := raw.(*listen.Conn)
	if !ok {
		return nil, nil, fmt.Errorf("a %T came past the gate", raw)
	}
	member, ok := d.who(gated.NetConn(), info)
	if !ok {
		return listen.Linger(conn, strangerLinger), info, nil
	}
	if err := gated.Admit(member); err != nil {
		return nil, nil, err
	}
	return conn, info, nil
}

// verifiedHost tells whether TLS has verified a host's certificate.
func verifiedHost(_ net.Conn, info credentials.AuthInfo) (listen.Member, bool) {
	tls, ok := info.(credentials.TLSInfo)
	if !ok || len(tls.State.VerifiedChains) == 0 {
		return listen.Member{}, false
	}
	leaf := tls.State.VerifiedChains[0][0]
	return listen.Member{Name: "cn:" + leaf.Subject.CommonName, Reserved: true}, isHost(leaf)
}

// isHost tells whether a certificate is that of a host.
func isHost(leaf *x509.Certificate) bool {
	for _, uri := range leaf.URIs {
		if uri.String() == roleHost {
			return true
		}
	}
	return false
}

// localUser takes whom the socket's mode has let in for the host.
func localUser(c net.Conn, _ credentials.AuthInfo) (listen.Member, bool) {
	uid, known := listen.PeerUID(c)
	return listen.Member{Name: fmt.Sprintf("uid:%d", uid), Reserved: known && int(uid) == os.Getuid()}, true
}
