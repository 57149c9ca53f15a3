package server

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Role is what a caller may do; each one may what the ones before may.
type Role int

// The roles.
const (
	NoRole   Role = iota
	Reader        // reads, validate_only
	Operator      // and changes of routes
	Admin         // and forget, adopt, backup, compact
)

// String is the role as certificates name it.
func (r Role) String() string {
	switch r {
	case Reader:
		return "reader"
	case Operator:
		return "operator"
	case Admin:
		return "admin"
	}
	return "none"
}

// Identity is who is at the other end of a connection.
type Identity struct {
	Actor  string // "uid:0(root)", "cn:ann"
	Role   Role
	Origin string // the listener and the peer's process or address
	// Certificate is the serial and the fingerprint of the one that proves it.
	Certificate string
	Until       time.Time // when the proof expires; zero for never
	// Refused says why the caller may not call at all.
	Refused *routes.Error
	// local is set for callers of a local listener.
	local bool
	// proof is the certificate's, for remote callers.
	proof *certs.Proof
	// reserved callers get in however many connections others have.
	reserved bool
	// roleNow, where set, is the role as it is now, since it may have changed
	// after the caller has connected, and closed when it may change again.
	roleNow func() (r Role, replaced <-chan struct{})
}

// owner reports whether the caller administers the device: an admin of the local socket.
func (id Identity) owner() bool {
	return id.local && id.proof == nil && id.Refused == nil && id.Role == Admin
}

// AuthType names the kind of AuthInfo for grpc.
func (Identity) AuthType() string { return "hcsroute" }

// identity is who makes the call of ctx.
func identity(ctx context.Context) Identity {
	if p, ok := peer.FromContext(ctx); ok {
		if id, ok := p.AuthInfo.(Identity); ok {
			if id.roleNow != nil {
				id.Role, _ = id.roleNow()
			}
			return id
		}
	}
	return Identity{Actor: "unknown", Refused: &routes.Error{Reason: routes.Unauthenticated, Problem: "the connection does not show who calls"}}
}

// caller is whom the store records.
func caller(ctx context.Context, onBehalfOf string) store.Caller {
	id := identity(ctx)
	return store.Caller{Actor: id.Actor, Origin: id.Origin, Certificate: id.Certificate, OnBehalfOf: onBehalfOf}
}

// authorize reports whether id may call something that needs a role.
func authorize(id Identity, need Role, now time.Time) error {
	switch {
	case id.Refused != nil:
		return id.Refused
	case !id.Until.IsZero() && now.After(id.Until):
		return &routes.Error{
			Reason: routes.Unauthenticated, Field: "caller", Value: id.Actor,
			Problem: "its certificate has expired on " + id.Until.UTC().Format(time.RFC3339), Action: "Get a new certificate",
		}
	case id.proof != nil && id.proof.Check(now) != nil:
		return ended(id, id.proof.Check(now))
	case id.Role < need:
		return &routes.Error{
			Reason: routes.PermissionDenied, Field: "caller", Value: id.Actor,
			Problem: fmt.Sprintf("its role is %s, this needs %s", id.Role, need), Params: map[string]string{"role": id.Role.String(), "needed": need.String()},
			Action: fmt.Sprintf("On the device call as root or as one of listen.local.%ss of the service's configuration, elsewhere with a certificate of the role %s", need, need),
		}
	}
	return nil
}

// ended says that a caller's certificate does not count any more.
func ended(id Identity, why error) *routes.Error {
	return &routes.Error{Reason: routes.Unauthenticated, Field: "caller", Value: id.Actor, Problem: why.Error(), Action: "Get a new certificate of the service's CA"}
}

// identityOfCertificate reads the caller from a verified certificate.
func identityOfCertificate(cert *x509.Certificate, origin string) Identity {
	id := Identity{Actor: "cn:" + cert.Subject.CommonName, Certificate: certificateOf(cert), Origin: origin, Until: cert.NotAfter}
	if cert.Subject.CommonName == "" || strings.ContainsFunc(cert.Subject.CommonName, unprintable) {
		id.Actor = "unknown"
		id.Refused = &routes.Error{Reason: routes.Unauthenticated, Field: "certificate", Value: cert.SerialNumber.String(), Problem: "it has no common name, so the audit could not tell whose it is"}
		return id
	}
	role, err := roleOf(cert)
	if err != nil {
		id.Refused = &routes.Error{Reason: routes.PermissionDenied, Field: "certificate", Value: cert.Subject.CommonName, Problem: err.Error()}
	}
	id.Role, id.reserved = role, role == Admin
	return id
}

// certificateOf distinguishes certificates of the same name: a CA gives
// a serial once, and nobody makes a second one with the same SHA-256.
func certificateOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return fmt.Sprintf("serial %x sha256 %x", cert.SerialNumber, sum)
}

// roleOf is the one role that a certificate's URI SAN gives.
func roleOf(cert *x509.Certificate) (Role, error) {
	found := NoRole
	for _, uri := range cert.URIs {
		name, ok := strings.CutPrefix(uri.String(), certs.RolePrefix)
		if !ok {
			continue
		}
		if found != NoRole {
			return NoRole, errors.New("it has more than one role")
		}
		for _, r := range []Role{Reader, Operator, Admin} {
			if r.String() == name {
				found = r
			}
		}
		if found == NoRole {
			return NoRole, fmt.Errorf("its role %.32q is none of reader, operator and admin", name)
		}
	}
	if found == NoRole {
		return NoRole, errors.New("it has no role (URI SAN " + certs.RolePrefix + "...)")
	}
	return found, nil
}
