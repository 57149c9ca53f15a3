package jsonl

import (
	"context"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// change carries out a batch of requests in one change and answers each.
func (s *session) change(ctx context.Context, batch []*request) error {
	first := batch[0]
	o := change.Options{
		Client: s.Client, Wait: pb.Acknowledgement_ACKNOWLEDGEMENT_STORED, Timeout: s.budget.left(first.timeout()),
		ValidateOnly: first.ValidateOnly, Force: first.Force, All: first.All, IfExists: first.IfExists, OnBehalfOf: first.OnBehalfOf, RequestID: first.RequestID,
	}
	phase := "storing"
	if first.Wait == "programmed" {
		o.Wait, phase = pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, "programming"
	}
	var items []change.Item
	for _, r := range batch {
		items = append(items, r.Routes...)
	}
	carry := change.Add
	switch first.Op {
	case "set":
		carry = change.Set
	case "remove":
		carry = change.Remove
	}
	var res change.Result
	started := time.Now()
	progress := progressLine{first.head("progress"), s.carried, s.carried + len(items), phase}
	err := s.long(progress, func() (err error) {
		res, err = carry(ctx, o, items)
		return err
	})
	s.carried += len(items)
	if err == nil && o.Wait == pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED {
		s.budget.charge(time.Since(started), res.Acknowledged)
	}
	for n, r := range batch {
		if err != nil {
			if err := s.failed(ctx, r, err); err != nil {
				return err
			}
			continue
		}
		part := res
		part.Items, res.Items = res.Items[:len(r.Routes)], res.Items[len(r.Routes):]
		if n < len(batch)-1 {
			part.Warnings = nil // those of the whole transaction come once, with its last request
		}
		if err := s.changed(r, part); err != nil {
			return err
		}
	}
	return nil
}

// changed writes the answer to one request: its routes, warnings and errors,
// each in the order of the items.
func (s *session) changed(r *request, res change.Result) error {
	done := doneLine{head: r.head("done"), Acknowledged: res.Acknowledged, Replayed: res.Replayed, Revision: res.Revision}
	chunk := routesLine{head: r.head("routes")}
	var rest []any
	for i, item := range res.Items {
		done.Counts.Add(item.Outcome, max(len(item.Routes), 1))
		if item.Err != nil {
			line := errorLine{r.head("error"), view.FromError(item.Err)}
			line.Index = &i
			rest = append(rest, line)
			continue
		}
		for _, w := range item.Warnings {
			w.Index = &i
			rest = append(rest, warningLine{r.head("warning"), w})
		}
		if len(item.Routes) == 0 {
			in := r.Routes[i]
			item.Routes = []view.Route{{Outcome: item.Outcome, Interface: in.Interface, Destination: in.Destination, NextHop: in.NextHop}}
		}
		for _, route := range item.Routes {
			route.Index = &i
			if chunk.Routes = append(chunk.Routes, route); len(chunk.Routes) == maxChunk {
				if err := s.write(chunk); err != nil {
					return err
				}
				chunk.Routes = nil
			}
		}
	}
	if len(chunk.Routes) > 0 {
		if err := s.write(chunk); err != nil {
			return err
		}
	}
	if err := s.ofService(r); err != nil {
		return err
	}
	for _, w := range res.Warnings {
		rest = append(rest, warningLine{r.head("warning"), w})
	}
	for _, line := range append(rest, done) {
		if err := s.write(line); err != nil {
			return err
		}
	}
	return nil
}

// long makes a call and, while it takes, writes progress.
func (s *session) long(progress progressLine, call func() error) error {
	result := make(chan error, 1)
	go func() { result <- call() }()
	tick := time.NewTicker(s.ProgressEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-result:
			return err
		case <-tick.C:
			// A reader that left is noticed with the answer.
			if s.write(progress) == nil {
				_ = s.out.Flush()
			}
		}
	}
}
