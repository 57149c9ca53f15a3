package agentd

import (
	"errors"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/listen"
)

// connections are those of one listener. A host needs one; a caller that does not
// prove to be a host never takes the host's connection.
func connections() listen.Limits {
	return listen.Limits{Pending: 64, PendingSource: 16, Members: 16, MembersNamed: 8, Reserved: 2}
}

// door lets hosts in, and says in the log whom it does not.
type door struct {
	credentials.TransportCredentials
	who func(net.Conn, credentials.AuthInfo) (listen.Member, error)
	log listen.RefusalLog
}

// ServerHandshake finds out who has connected.
func (d door) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := d.enter(raw)
	if err != nil {
		d.log.Refused(raw.RemoteAddr(), err)
		return nil, nil, err
	}
	return conn, info, nil
}

func (d door) enter(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	gated, ok := raw.(*listen.Conn)
	if !ok {
		return nil, nil, fmt.Errorf("a %T came past the gate", raw)
	}
	attempt := certs.AgentLink().Accept(raw)
	conn, info, err := d.TransportCredentials.ServerHandshake(attempt)
	if err != nil {
		return nil, nil, attempt.Explain(err)
	}
	attempt.Accepted()
	member, err := d.who(gated.NetConn(), info)
	if err == nil {
		err = gated.Admit(member)
	}
	return conn, info, err
}

// host is the one whose certificate TLS has verified.
func host(_ net.Conn, info credentials.AuthInfo) (listen.Member, error) {
	tls, ok := info.(credentials.TLSInfo)
	if !ok || len(tls.State.VerifiedChains) == 0 {
		return listen.Member{}, errors.New("no verified certificate")
	}
	return listen.Member{Name: "cn:" + tls.State.VerifiedChains[0][0].Subject.CommonName, Reserved: true}, nil
}

// localUser takes whom the socket's mode has let in for the host. Whom the kernel does
// not name has not come by a unix socket.
func localUser(c net.Conn, _ credentials.AuthInfo) (listen.Member, error) {
	uid, known := listen.PeerUID(c)
	if !known {
		return listen.Member{}, errors.New("the kernel does not say which user it is")
	}
	return listen.Member{Name: fmt.Sprintf("uid:%d", uid), Reserved: int(uid) == os.Getuid()}, nil
}
