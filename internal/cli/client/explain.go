package client

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Explain turns a call's error into one that says what to do:
// a refusal of the service as it is, and a failure to reach the service with
// the address and the likely cause.
func (c *Client) Explain(err error) *routes.Error {
	if err == nil {
		return nil
	}
	var known *routes.Error
	if errors.As(err, &known) {
		return known
	}
	st, _ := status.FromError(err)
	for _, d := range st.Details() {
		if _, ok := d.(*pb.Error); ok {
			return publicapi.FromStatus(err)
		}
	}
	switch st.Code() {
	case codes.Unauthenticated:
		if e := c.handshakeProblem(); e != nil {
			return e
		}
	case codes.Unavailable:
		return c.unreachable(err)
	case codes.DeadlineExceeded:
		return c.problem(routes.Unavailable, "no answer in time", "Check the service with hcsroute doctor; the change may have been made, and repeating it is safe", err)
	case codes.Canceled:
		return c.problem(routes.Unavailable, "interrupted before the answer came", "Repeat the command; repeating a change is safe", err)
	case codes.Unimplemented:
		return c.problem(routes.BadRequest, "the service does not know this call", "Use the versions of the service and of this program that belong together; see hcsroute version", err)
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return c.problem(routes.Unavailable, "the service failed: "+st.Message(), "See the service's log", err)
	}
	return publicapi.FromStatus(err)
}

func (c *Client) problem(reason routes.Reason, problem, action string, cause error) *routes.Error {
	return &routes.Error{Reason: reason, Field: "address", Value: c.address, Problem: problem, Action: action, Cause: cause}
}

// notRunning does not begin with starting it: whoever starts a service that has just
// failed loses sight of the reason.
const notRunning = "See 'systemctl status hcsrouted' and 'journalctl -u hcsrouted' for why it does not run, then start it; or give its address with --address or HCSROUTE_ADDRESS"

// unreachable says why the connection failed, from the error of the last dial.
func (c *Client) unreachable(err error) *routes.Error {
	dialErr := error(nil)
	if p := c.dialErr.Load(); p != nil && *p != nil {
		dialErr = *p
	}
	network, target, _ := ParseAddress(c.address)
	switch {
	case errors.Is(dialErr, fs.ErrPermission):
		return c.problem(routes.PermissionDenied, "you may not use the service's socket",
			"Run as root, or have your uid or gid listed under listen.local.readers, operators or admins in the service's configuration", dialErr)
	case errors.Is(dialErr, fs.ErrNotExist):
		return c.problem(routes.Unavailable, "there is no socket, so the service does not run or listens elsewhere",
			notRunning, dialErr)
	case errors.Is(dialErr, syscall.ECONNREFUSED):
		return c.problem(routes.Unavailable, "nothing listens there",
			notRunning, dialErr)
	case dialErr != nil:
		return c.problem(routes.Unavailable, fmt.Sprintf("the %s connection to %s failed: %s", network, target, rootCause(dialErr)), "", dialErr)
	}
	st, _ := status.FromError(err)
	return c.problem(routes.Unavailable, "the connection broke: "+st.Message(), "Retry; if it stays, see the service's log and, for tcp, whether the certificates fit", err)
}

// handshakeProblem says which side's certificate the other one refused; nil
// when TLS did not fail for that.
func (c *Client) handshakeProblem() *routes.Error {
	var refusal *certs.Refusal
	if p := c.tlsErr.Load(); p == nil || !errors.As(*p, &refusal) {
		return nil
	}
	return c.problem(routes.Unauthenticated, refusal.Error(), refusal.Remedy(), refusal)
}

// Refused reports whether e says that the socket itself is closed to the caller.
func (c *Client) Refused(e *routes.Error) bool {
	return e.Reason == routes.PermissionDenied && errors.Is(e.Cause, fs.ErrPermission)
}

// Late is true where e says that a call had no answer in time.
func (c *Client) Late(e *routes.Error) bool { return status.Code(e.Cause) == codes.DeadlineExceeded }

// Absent is true where e says that nothing listens at the address.
func (c *Client) Absent(e *routes.Error) bool {
	return e.Reason == routes.Unavailable && (errors.Is(e.Cause, fs.ErrNotExist) || errors.Is(e.Cause, syscall.ECONNREFUSED))
}

func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
