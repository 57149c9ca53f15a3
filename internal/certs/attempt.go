package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"reflect"
	"sync/atomic"
	"time"
)

// Attempt is a connection during the handshake: it sees to it that either side
// learns why the other one refuses it, and can say so afterwards.
type Attempt struct {
	net.Conn
	us, they Party
	own      *x509.Certificate // that we show
	name     string            // that a client wants to reach, if it says so

	wrote    atomic.Bool // and has not read since
	accepted atomic.Bool // the other side, or has parted from it
}

// Accept begins an attempt as the server.
func (l Link) Accept(raw net.Conn) *Attempt {
	return &Attempt{Conn: raw, us: l.Server.at(raw.LocalAddr()), they: l.Client}
}

// Dial begins an attempt as the client that shows the certificate.
func (l Link) Dial(raw net.Conn, own *x509.Certificate) *Attempt {
	return &Attempt{Conn: raw, us: l.Client, they: l.Server.at(raw.RemoteAddr()), own: own}
}

// Accepted ends our part of the attempt: we do not refuse the other side.
func (a *Attempt) Accepted() { a.accepted.Store(true) }

// Explain makes the handshake's error a *Refusal where it is one.
func (a *Attempt) Explain(err error) error {
	var ours *tls.CertificateVerificationError
	if errors.As(err, &ours) && len(ours.UnverifiedCertificates) > 0 {
		r := &Refusal{By: a.us, Of: a.they, Cert: ours.UnverifiedCertificates[0], Cause: err}
		r.judge(ours.Err, time.Now())
		return r
	}
	r := &Refusal{By: a.they, Of: a.us, Cert: a.own, Cause: err}
	switch alert(err) {
	case unknownCA:
		r.authority()
	case certificateExpired:
		r.outdated(a.own, time.Now())
	case badCertificate, unsupportedCertificate, certificateUnknown:
		r.guess(a.name, time.Now())
	default:
		return err
	}
	return r
}

// Refuse is for a certificate that TLS has accepted and we do not.
func (a *Attempt) Refuse(c *x509.Certificate, why string) *Refusal {
	r := &Refusal{By: a.us, Of: a.they, Cert: c, Why: why}
	r.Action = r.another()
	return r
}

// The alerts that are about certificates (RFC 8446, section 6). Servers of Go send
// the last three where they fit, clients only the first.
const (
	badCertificate         = 42
	unsupportedCertificate = 43
	certificateUnknown     = 46
	certificateExpired     = 45
	unknownCA              = 48
)

// alert is the number of the alert that the other side has sent; 0: none.
func alert(err error) uint64 {
	var remote *net.OpError
	if !errors.As(err, &remote) || remote.Op != "remote error" { // what crypto/tls calls it
		return 0
	}
	if v := reflect.ValueOf(remote.Err); v.Kind() == reflect.Uint8 { // of a type that it does not export
		return v.Uint()
	}
	return 0
}

// partingTime is how long a side that refuses waits for the other to hang up.
const partingTime = time.Second

// Close ends the connection. A side that has just refused the other lets it hang
// up first: closing with something unread resets the connection (RFC 1122,
// 4.2.2.13), which may overtake the alert, and then the other side knows nothing.
func (a *Attempt) Close() error {
	if a.wrote.Load() && a.accepted.CompareAndSwap(false, true) {
		if a.SetReadDeadline(time.Now().Add(partingTime)) == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(a.Conn, 1<<20)) // that nothing is left unread is all that matters
		}
	}
	return a.Conn.Close()
}

// Read implements net.Conn.
func (a *Attempt) Read(p []byte) (int, error) {
	a.wrote.Store(false)
	return a.Conn.Read(p)
}

// Write implements net.Conn.
func (a *Attempt) Write(p []byte) (int, error) {
	a.wrote.Store(true)
	return a.Conn.Write(p)
}
