// Package jsonl is the public scripting contract: requests as JSON lines on
// standard input, answers as JSON lines on standard output. The contract is
// docs/json-lines.md with its schema.
package jsonl

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/routes"
)

// Options are the ends of a session.
type Options struct {
	In     io.Reader
	Out    io.Writer
	Client *client.Client
	// ProgressEvery is how often a call that takes long says so; 1 s when 0.
	ProgressEvery time.Duration
}

// session answers one input. It is used by one goroutine.
type session struct {
	Options
	out      *bufio.Writer
	buf      bytes.Buffer
	requests chan *request
	pending  *request // read already, but not part of the batch before
	budget   budget
	carried  int // routes whose requests were answered
}

// Run answers the requests of o.In until its end. It returns nil at the end
// of the input, the *routes.Error of a fatal error that it has written, or
// the error of writing to o.Out, which is a broken pipe when the reader left.
func Run(ctx context.Context, o Options) error {
	if o.ProgressEvery == 0 {
		o.ProgressEvery = time.Second
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{Options: o, out: bufio.NewWriterSize(o.Out, 64<<10), requests: make(chan *request, waiting)}
	go read(ctx, o.In, s.requests)
	for {
		batch := s.next(ctx)
		if batch == nil {
			return ctx.Err()
		}
		err := s.answer(ctx, batch)
		if flushErr := s.out.Flush(); err == nil {
			err = flushErr
		}
		if err != nil {
			return err
		}
	}
}

// next waits for a request and takes those that wait behind it and can be
// carried out with it. nil at the end.
func (s *session) next(ctx context.Context) []*request {
	first := s.take(ctx)
	if first == nil {
		return nil
	}
	batch, items := []*request{first}, len(first.Routes)
	for {
		select {
		case r, ok := <-s.requests:
			switch {
			case !ok:
				return batch
			case !first.together(r) || items+len(r.Routes) > change.MaxBatch:
				s.pending = r
				return batch
			}
			batch, items = append(batch, r), items+len(r.Routes)
		default:
			return batch
		}
	}
}

func (s *session) take(ctx context.Context) *request {
	if r := s.pending; r != nil {
		s.pending = nil
		return r
	}
	select {
	case r := <-s.requests:
		return r
	case <-ctx.Done():
		return nil
	}
}

// answer carries out a batch; only a batch of writes has several requests.
func (s *session) answer(ctx context.Context, batch []*request) error {
	r := batch[0]
	if r.err != nil {
		return s.refuse(r, r.err, r.fatal)
	}
	switch r.Op {
	case "add", "set", "remove":
		return s.change(ctx, batch)
	case "get":
		return s.get(ctx, r)
	case "find":
		return s.find(ctx, r)
	case "interfaces":
		return s.interfaces(ctx, r)
	case "nodes":
		return s.nodes(ctx, r)
	case "audit":
		return s.audit(ctx, r)
	case "watch":
		return s.watch(ctx, r)
	default:
		return s.info(ctx, r)
	}
}

// refuse answers a request that was not carried out at all. After a fatal
// error nothing else is answered.
func (s *session) refuse(r *request, e *routes.Error, fatal bool) error {
	line := errorLine{r.head("error"), view.FromError(e)}
	line.Fatal = fatal
	if err := s.ofService(r); err != nil {
		return err
	}
	if err := s.write(line); err != nil {
		return err
	}
	if fatal {
		return e
	}
	done := doneLine{head: r.head("done")}
	done.Counts.Refused = len(r.Routes)
	return s.write(done)
}

// failed answers a request whose call failed. Without a service, or without
// being let in, no other request can succeed either. When the program was
// interrupted nobody waits for an answer.
func (s *session) failed(ctx context.Context, r *request, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := s.Client.Explain(err)
	return s.refuse(r, e, e.Reason == routes.Unavailable || e.Reason == routes.Unauthenticated || s.Client.Refused(e))
}

// done ends the answer to a request that only reads.
func (s *session) done(r *request, revision uint64) error {
	return s.end(r, doneLine{head: r.head("done"), Acknowledged: true, Revision: revision})
}

// end writes the line that ends an answer, after the warnings.
func (s *session) end(r *request, done doneLine) error {
	if err := s.ofService(r); err != nil {
		return err
	}
	return s.write(done)
}

// ofService writes the warnings that concern the service as a whole, each once
// in a session.
func (s *session) ofService(r *request) error {
	for _, w := range view.FromWarnings(s.Client.TakeWarnings()) {
		if err := s.write(warningLine{r.head("warning"), w}); err != nil {
			return err
		}
	}
	return nil
}

// Fatal writes the one line of a program that could not even begin.
func Fatal(out io.Writer, e *routes.Error) error {
	s := &session{out: bufio.NewWriter(out)}
	line := errorLine{(&request{}).head("error"), view.FromError(e)}
	line.Fatal = true
	if err := s.write(line); err != nil {
		return err
	}
	return s.out.Flush()
}
