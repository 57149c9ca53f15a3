package cli

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	authorityRemedy = "Make another authority ('hcsroute certs init --dir FOLDER'), add its ca.crt to this file, then issue and copy what it shall sign: see docs/operator-guide.md."

	renewRemedy   = "Issue a new one ('hcsroute certs issue NAME --force' where your authority is) and copy it over the old file: it is taken without a restart."
	replaceRemedy = "Put sound files in their place: they are taken without a restart. 'hcsroute certs issue --help' says how to make them."
)

// certificates are the service's, those that the agents have shown, and the caller's own.
func (d *diagnosis) certificates() {
	all := d.info.GetCertificates()
	for _, c := range all {
		d.certificate("certificate "+c.GetUse(), c, all)
	}
	shown := 0
	for _, n := range d.list.GetNodes() {
		if c := n.GetCertificate(); c != nil {
			d.certificate("certificate of the agent in "+n.GetName(), c, nil)
			shown++
		}
	}
	if len(all) == 0 { // a service of before lists none
		for _, problem := range d.info.GetCertificateProblems() {
			d.warn("certificates of the service", replaceRemedy, "%s", problem)
			shown++
		}
	}
	if own := d.client.Certificate(); own != nil {
		d.certificate("your certificate", &pb.Certificate{
			Use: "client", Subject: own.Subject.String(), Serial: fmt.Sprintf("%x", own.SerialNumber), Issuer: own.Issuer.String(),
			NotAfter: timestamppb.New(own.NotAfter), InUse: true,
		}, nil)
		shown++
	}
	if len(all)+shown == 0 {
		d.ok("certificates", "none is in use: the service and its agents talk through local sockets")
	}
}

// certificate checks one. Of the same use there can be another in all: the last
// good one beside a file that cannot be used, or a second authority.
func (d *diagnosis) certificate(name string, p *pb.Certificate, all []*pb.Certificate) {
	v := view.FromCertificate(p)
	c := check{Name: name, Status: "ok", Certificate: &v}
	left := p.GetNotAfter().AsTime().Sub(d.now)
	inUse, refused := d.beside(p, all)
	switch {
	case !v.InUse:
		c.Status, c.Message, c.Remedy = "warn", "on disk, not in use: "+v.Problem, replaceRemedy
		if !inUse {
			c.Status = "fail"
		}
		if p.GetNotAfter() != nil {
			c.Message += "; the file holds " + holder(v, true) + ", " + remaining(p, left)
		}
	default:
		c.Message = join(", ", holder(v, refused), remaining(p, left), inPlace(v, refused))
		switch {
		case left <= 0 && inUse:
			c.Status, c.Remedy = "warn", "Delete it from the file: nothing that it has issued is accepted any more."
		case left <= 0:
			c.Status, c.Remedy = "fail", renewal(v)
		case left < certs.ExpiryWarning:
			c.Status, c.Remedy = "warn", renewal(v)
		case v.Problem != "": // by the clock of the device
			c.Status, c.Message, c.Remedy = "warn", c.Message+"; the service says: "+v.Problem, "Compare this machine's clock with the device's."
		}
	}
	if c.Status == "fail" {
		c.Reason = string(routes.Unauthenticated)
	}
	d.checks = append(d.checks, c)
}

// beside says whether others of the same use are in use and not expired, and
// whether a file of it was refused.
func (d *diagnosis) beside(p *pb.Certificate, all []*pb.Certificate) (inUse, refused bool) {
	for _, o := range all {
		switch {
		case o == p || o.GetUse() != p.GetUse():
		case !o.GetInUse():
			refused = true
		case d.now.Before(o.GetNotAfter().AsTime()):
			inUse = true
		}
	}
	return inUse, refused
}

// renewal is what to do about a certificate or an authority that ends.
func renewal(v view.Certificate) string {
	if strings.HasSuffix(v.Use, ".ca") {
		return authorityRemedy
	}
	return renewRemedy
}

func holder(v view.Certificate, serial bool) string {
	if serial {
		return v.Subject + " (serial " + v.Serial + ")"
	}
	return v.Subject
}

func remaining(p *pb.Certificate, left time.Duration) string {
	const day = 24 * time.Hour
	end := p.GetNotAfter().AsTime().UTC().Format(time.DateOnly)
	switch days := left / day; {
	case left <= 0:
		return "expired on " + end
	case days == 1:
		return "1 day left (" + end + ")"
	default:
		return fmt.Sprintf("%d days left (%s)", days, end)
	}
}

func inPlace(v view.Certificate, refused bool) string {
	switch {
	case v.File == "":
		return "in use"
	case refused:
		return "in use as the last good one: " + v.File + " holds another"
	}
	return "on disk and in use: " + v.File
}
