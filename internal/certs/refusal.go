package certs

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Refusal is that one side of a connection does not accept the certificate of
// the other. Both sides say it in the same words.
type Refusal struct {
	By, Of Party
	Cert   *x509.Certificate // nil: not known
	Why    string
	Action string // what to do about it
	Cause  error  // the handshake's, where it failed
}

// Error says who refuses which certificate, and why.
func (r *Refusal) Error() string {
	if r.Cert == nil {
		return fmt.Sprintf("%s refuses the certificate of %s: %s", r.By.Name, r.Of.Name, r.Why)
	}
	authority := clean(r.Cert.Issuer.String())
	if id := r.Cert.AuthorityKeyId; len(id) > 0 {
		authority += fmt.Sprintf(" with key id %.8x", id)
	}
	subject := clean(cmp.Or(r.Cert.Subject.String(), "without a name"))
	return fmt.Sprintf("%s refuses the certificate %s of %s (serial %s, issued by %s, valid until %s): %s", r.By.Name,
		subject, r.Of.Name, clean(r.Cert.SerialNumber.Text(16)), authority, r.Cert.NotAfter.UTC().Format(time.RFC3339), r.Why)
}

// Remedy says what to do.
func (r *Refusal) Remedy() string { return r.Action }

// Unwrap gives the error of the handshake.
func (r *Refusal) Unwrap() error { return r.Cause }

// judge takes the reason from the error of who verified the certificate.
func (r *Refusal) judge(err error, now time.Time) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		r.authority()
	case errors.As(err, &name):
		r.named(name.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		r.outdated(invalid.Cert, now)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		r.purpose()
	default:
		r.Why, r.Action = clean(strings.TrimPrefix(err.Error(), "x509: ")), r.another()
	}
}

// guess finds the reason that the other side has not sent. TLS has names for a few
// only, and a client of Go sends none of them; most show in the certificate itself.
// name is what the other side wants to reach; empty: not known.
func (r *Refusal) guess(name string, now time.Time) {
	probably := fmt.Sprintf("the reason is said there only; probably its authority is not in %s's %s", r.By.Short, r.By.CA)
	switch {
	case r.Cert == nil:
	case now.After(r.Cert.NotAfter) || now.Before(r.Cert.NotBefore):
		r.outdated(r.Cert, now)
		return
	case !slices.Contains(kinds(r.Cert), r.Of.Kind):
		r.purpose()
		return
	case name != "" && r.Cert.VerifyHostname(name) != nil:
		r.named(name)
		return
	case name == "" && (r.Of.Kind == Agent || r.Of.Kind == Service):
		probably += ", or it does not name the address that is used"
	}
	r.Why, r.Action = probably, fmt.Sprintf("See what %s says", r.By.Short)
}

func (r *Refusal) authority() {
	r.Why = fmt.Sprintf("its authority is not in %s's %s", r.By.Short, r.By.CA)
	r.Action = fmt.Sprintf("Add that authority's certificate to the file of %s's %s, or %s", r.By.Short, r.By.CA, uncapitalized(r.another()))
}

// outdated is of the certificate itself or of its authority's.
func (r *Refusal) outdated(c *x509.Certificate, now time.Time) {
	which := "it"
	if c != nil && r.Cert != nil && !c.Equal(r.Cert) {
		which = "its authority " + clean(c.Subject.String())
	}
	switch {
	case c != nil && now.After(c.NotAfter):
		r.Why, r.Action = which+" has expired on "+c.NotAfter.UTC().Format(time.RFC3339), r.another()
	case c != nil && now.Before(c.NotBefore):
		r.Why, r.Action = which+" is not valid before "+c.NotBefore.UTC().Format(time.RFC3339), "Compare the clocks of both machines"
	default:
		r.Why = fmt.Sprintf("it or its authority is out of date by the clock of %s", r.By.Short)
		r.Action = "Compare the clocks of both machines, and see when the authority's certificate ends"
	}
}

func (r *Refusal) purpose() {
	is := "none of ours"
	if list := kinds(r.Cert); len(list) > 0 {
		is = string(list[0])
		for _, k := range list[1:] {
			is += " or " + string(k)
		}
	}
	r.Why, r.Action = fmt.Sprintf("it is of kind %s, and %s is needed", is, r.Of.Kind), r.another()
}

// maxNames is how many names of a certificate a message has.
const maxNames = 8

// named is that the certificate is another machine's.
func (r *Refusal) named(host string) {
	var names []string
	if r.Cert != nil {
		for _, name := range r.Cert.DNSNames {
			names = append(names, clean(name))
		}
		for _, ip := range r.Cert.IPAddresses {
			names = append(names, ip.String())
		}
	}
	switch {
	case len(names) == 0:
		names = []string{"no name or address"}
	case len(names) > maxNames:
		names = append(names[:maxNames], "...")
	}
	host = clean(host)
	r.Why = fmt.Sprintf("it is for %s, not for %s", strings.Join(names, ", "), host)
	if r.Of.Kind == Agent {
		r.Action = fmt.Sprintf("Correct the endpoint or the id in the inventory file, or give the agent a certificate for %s: hcsroute certs issue %s --kind agent", host, host)
		return
	}
	r.Action = fmt.Sprintf("Use an address that the certificate names, or give the service one for this address: hcsroute certs issue NAME --kind service --san %s", host)
}

// another is to show another certificate.
func (r *Refusal) another() string {
	issue := fmt.Sprintf("Issue a certificate with an authority that %s trusts: hcsroute certs issue NAME --kind %s", r.By.Short, r.Of.Kind)
	if r.Of.Kind == Client {
		return issue + " --role ROLE, and give it with --cert and --key"
	}
	return fmt.Sprintf("%s, and put it where %s of %s points; no restart is needed", issue, r.Of.Cert, r.Of.Short)
}

func uncapitalized(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// maxText is how much of a text from a certificate a message has. Whoever is
// refused has chosen it.
const maxText = 80

func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxText {
		return string(runes[:maxText]) + "..."
	}
	return s
}
