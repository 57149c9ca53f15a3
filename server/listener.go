package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/listen"
	"github.com/hcsroute/hcsroute/routes"
)

// Listener is where callers connect, and how they are identified: by Identify or by
// TLS, or nothing is served. It is the seam for other local transports, such as a
// Windows named pipe: they need a net.Listener and an Identify.
type Listener struct {
	net.Listener
	// Local is set for callers on the device: they get reflection.
	Local bool
	// Identify finds out who is at the other end of a local connection. An error
	// closes the connection; a caller that may not call is Identity.Refused.
	Identify func(net.Conn) (Identity, error)
	// TLS is set, instead of Identify, for mutual TLS.
	TLS *tls.Config

	setRoles func(LocalRoles) error // where callers are users of the device
	problem  func() string          // why it does not listen yet; nil: it does
}

// identifiesCallers says why it does not; nil: it does.
func (l *Listener) identifiesCallers() error {
	var problem string
	switch {
	case l.TLS == nil && l.Identify == nil:
		problem = "nothing says who calls"
	case l.TLS != nil && l.Identify != nil:
		problem = "two ways to know who calls"
	case l.TLS != nil && l.TLS.ClientAuth != tls.RequireAndVerifyClientCert:
		problem = "no verified client certificates"
	default:
		return nil
	}
	return fmt.Errorf("a listener is refused: %s at %s://%s", problem, l.Addr().Network(), l.Addr())
}

// SetRoles gives the users of the device other roles, at once also to those who
// are connected and to their streams. With an error the socket's file stays as it
// was, so that not everybody with a role can reach it; the roles count all the same.
func (l *Listener) SetRoles(r LocalRoles) error { return l.setRoles(r) }

// LocalOptions are for ListenUnix.
type LocalOptions struct {
	Path  string
	Roles LocalRoles
	Log   *slog.Logger // nil: no log
}

// LocalRoles say which users of the device may do what. Our own uid and 0 are
// always admins; a user who is named more than once has the highest of these roles.
type LocalRoles struct{ Readers, Operators, Admins Callers }

// Group is the one group that all belong to who have a role, where there is
// one: the socket is given to it.
func (r LocalRoles) Group() (gid uint32, one bool) {
	uids, gids := r.all()
	if len(uids) > 0 || len(gids) != 1 {
		return 0, false
	}
	return gids[0], true
}

func (r LocalRoles) all() (uids, gids []uint32) {
	return slices.Concat(r.Readers.UIDs, r.Operators.UIDs, r.Admins.UIDs), slices.Concat(r.Readers.GIDs, r.Operators.GIDs, r.Admins.GIDs)
}

// Callers are users, named by themselves or by one of their groups.
type Callers struct{ UIDs, GIDs []uint32 }

// RemoteOptions are for ListenTCP.
type RemoteOptions struct {
	Address string
	TLS     *tls.Config
	Log     *slog.Logger // nil: no log
}

// ListenTCP listens for remote callers with mutual TLS. At boot the address may
// come later than the service, which does not wait for it.
func ListenTCP(ctx context.Context, o RemoteOptions) (*Listener, error) {
	if o.TLS.ClientAuth != tls.RequireAndVerifyClientCert {
		return nil, errors.New("a remote listener without verified client certificates is refused")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l, err := listen.NewLate(ctx, remoteAddress(o.Address), listen.Attempts{
		Open: func(ctx context.Context) (net.Listener, error) {
			l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Address)
			if err != nil {
				return nil, fmt.Errorf("listen for remote callers: %w", err)
			}
			o.Log.Info("listening", "address", l.Addr().String(), "local", false)
			return l, nil
		},
		Waiting: func(err error) {
			o.Log.Warn("not listening for remote callers yet; the local socket and the nodes do not wait for it", "error", err, "retry", listen.Retry)
		},
	})
	if err != nil {
		return nil, err
	}
	return &Listener{Listener: l, TLS: o.TLS, problem: l.Problem}, nil
}

// remoteAddress is an address as it was configured.
type remoteAddress string

// Network implements net.Addr.
func (remoteAddress) Network() string { return "tcp" }

func (a remoteAddress) String() string { return string(a) }

// refusedLinger is how long a caller that may not call keeps its connection:
// enough to get the refusal, not enough to use connections up.
const refusedLinger = 2 * time.Second

// credentials makes the handshake that identifies callers. Garbage ends its
// own connection only.
func (l *Listener) credentials(log *slog.Logger) credentials.TransportCredentials {
	h := &handshaker{identify: l.Identify, local: l.Local, log: listen.NewRefusalLog(log)}
	if l.TLS != nil {
		h.TransportCredentials, h.roots = credentials.NewTLS(l.TLS), l.roots
	}
	return h
}

// roots are the CAs that callers' certificates must come from now.
func (l *Listener) roots() (*x509.CertPool, error) {
	if l.TLS.GetConfigForClient == nil {
		return l.TLS.ClientCAs, nil
	}
	now, err := l.TLS.GetConfigForClient(&tls.ClientHelloInfo{})
	if err != nil {
		return nil, err
	}
	return now.ClientCAs, nil
}

// handshaker puts an Identity into the AuthInfo of each connection.
type handshaker struct {
	credentials.TransportCredentials // nil without TLS
	identify                         func(net.Conn) (Identity, error)
	local                            bool
	roots                            func() (*x509.CertPool, error)
	log                              listen.RefusalLog
}

// ServerHandshake identifies the peer of a new connection.
func (h *handshaker) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, id, err := h.handshake(raw)
	if err != nil {
		h.log.Refused(raw.RemoteAddr(), err)
		return nil, nil, err
	}
	if gated, ok := raw.(*listen.Conn); ok && id.Refused == nil {
		if err := gated.Admit(listen.Member{Name: id.Actor, Reserved: id.reserved}); err != nil {
			id.Refused = &routes.Error{Reason: routes.Unavailable, Field: "caller", Value: id.Actor, Problem: err.Error(), Action: "Close connections that are not used, or call again later"}
		}
	}
	if id.Refused != nil {
		conn = listen.Linger(conn, refusedLinger)
	}
	return conn, id, nil
}

func (h *handshaker) handshake(raw net.Conn) (net.Conn, Identity, error) {
	if h.TransportCredentials == nil {
		below := raw
		if gated, ok := raw.(*listen.Conn); ok {
			below = gated.NetConn()
		}
		id, err := h.identify(below)
		id.local = h.local
		return raw, id, err
	}
	attempt := certs.CallerLink().Accept(raw)
	conn, info, err := h.TransportCredentials.ServerHandshake(attempt)
	if err != nil {
		return nil, Identity{}, attempt.Explain(err)
	}
	attempt.Accepted()
	state, ok := info.(credentials.TLSInfo)
	if !ok || len(state.State.VerifiedChains) == 0 {
		return nil, Identity{}, &routes.Error{Reason: routes.Unauthenticated, Problem: "no verified certificate"}
	}
	leaf := state.State.PeerCertificates[0]
	id := identityOfCertificate(leaf, raw.RemoteAddr().Network()+" "+raw.RemoteAddr().String())
	if id.Refused != nil {
		refusal := attempt.Refuse(leaf, id.Refused.Problem)
		id.Refused = &routes.Error{Reason: id.Refused.Reason, Problem: refusal.Error(), Action: refusal.Remedy(), Cause: refusal}
		h.log.Refused(raw.RemoteAddr(), refusal)
	}
	id.proof = certs.NewProof(state.State.PeerCertificates, x509.ExtKeyUsageClientAuth, h.roots)
	return conn, id, nil
}

// ClientHandshake is for clients, which we are not.
func (h *handshaker) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("server credentials cannot be used by a client")
}

// Info describes the protocol.
func (h *handshaker) Info() credentials.ProtocolInfo {
	if h.TransportCredentials == nil {
		return credentials.ProtocolInfo{SecurityProtocol: "peer"}
	}
	return h.TransportCredentials.Info()
}

// Clone copies the credentials; they do not change.
func (h *handshaker) Clone() credentials.TransportCredentials { return h }

// OverrideServerName is for clients.
func (h *handshaker) OverrideServerName(string) error { return nil }
