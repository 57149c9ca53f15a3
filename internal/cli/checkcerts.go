package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	authorityRemedy = "Make another authority ('hcsroute certs init --dir FOLDER'), add its ca.crt to this file, then issue what it shall sign; docs/operator-guide.md has the order."

	renewRemedy   = "Issue a new one ('hcsroute certs issue NAME --kind %s --force' where your authority is) and copy certificate and key over the old files: they are taken without a restart."
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
	if len(all) == 0 { // an older service lists none
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
	if len(all)+shown == 0 && d.list != nil {
		d.ok("certificates", "none is in use: the service and its agents talk through local sockets")
	}
}

// certificate checks one. all may have others of the same use: the last good one
// beside a file that cannot be used, or a second authority.
func (d *diagnosis) certificate(name string, p *pb.Certificate, all []*pb.Certificate) {
	others := slices.DeleteFunc(slices.Clone(all), func(o *pb.Certificate) bool { return o == p || o.GetUse() != p.GetUse() })
	good := slices.ContainsFunc(others, func(o *pb.Certificate) bool { return o.GetInUse() && d.now.Before(o.GetNotAfter().AsTime()) })
	v := view.FromCertificate(p)
	left := p.GetNotAfter().AsTime().Sub(d.now)
	c := check{Name: name, Status: "ok", Message: used(p, left, others), Certificate: &v}
	switch {
	case !v.InUse:
		c.Status, c.Message, c.Remedy = "fail", "on disk, not in use: "+v.Problem, replaceRemedy
		if p.GetNotAfter() != nil {
			c.Message += "; it is " + withSerial(v) + ", " + remaining(p, left)
		}
	case left <= 0:
		c.Status, c.Remedy = "fail", renewal(v, good)
	case left < certs.ExpiryWarning:
		c.Status, c.Remedy = "warn", renewal(v, good)
	case v.Problem != "": // by the clock of the device
		c.Status, c.Message, c.Remedy = "warn", c.Message+"; the service says: "+v.Problem, "Compare this machine's clock with the device's."
	}
	switch {
	case c.Status == "fail" && good:
		c.Status = "warn"
	case c.Status == "fail":
		c.Reason = string(routes.Unauthenticated)
	}
	d.checks = append(d.checks, c)
}

// used says of a certificate in use whose it is, how long, and where, and whether
// another one is on disk.
func used(p *pb.Certificate, left time.Duration, others []*pb.Certificate) string {
	v := view.FromCertificate(p)
	refused := slices.IndexFunc(others, func(o *pb.Certificate) bool { return !o.GetInUse() })
	holder, where := v.Subject, "on disk and in use: "+v.File
	switch {
	case v.File == "":
		where = "in use"
	case refused < 0:
	case others[refused].GetSerial() != "" && others[refused].GetSerial() != v.Serial:
		holder, where = withSerial(v), "in use as the last good one; "+v.File+" holds another, see below"
	default:
		holder, where = withSerial(v), "in use as it was last read from "+v.File+"; what is on disk is refused, see below"
	}
	return strings.Join([]string{holder, remaining(p, left), where}, ", ")
}

// renewal is what to do about a certificate or an authority that ends, and beside
// which another good one may be in use.
func renewal(v view.Certificate, good bool) string {
	kinds := map[string]certs.Kind{"agents.tls.cert": certs.Host, "listen.remote.cert": certs.Service, "agent": certs.Agent, "client": certs.Client}
	switch kind, leaf := kinds[v.Use]; {
	case leaf:
		return fmt.Sprintf(renewRemedy, kind)
	case good:
		return "Delete it from the file once nothing that it has issued is in use."
	}
	return authorityRemedy
}

func withSerial(v view.Certificate) string { return v.Subject + " (serial " + v.Serial + ")" }

func remaining(p *pb.Certificate, left time.Duration) string {
	const day = 24 * time.Hour
	end := p.GetNotAfter().AsTime().UTC().Format(time.DateOnly)
	switch days := left / day; {
	case left <= 0:
		return "expired on " + end
	case days == 0:
		return "less than a day left (" + p.GetNotAfter().AsTime().Format(time.RFC3339) + ")"
	case days == 1:
		return "1 day left (" + end + ")"
	default:
		return fmt.Sprintf("%d days left (%s)", days, end)
	}
}
