package server

import (
	"testing"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// FuzzPageToken feeds the readers of page tokens arbitrary ones. What is taken
// means the same when it is made again, and belongs to its filter alone.
func FuzzPageToken(f *testing.F) {
	mine, other := pageOf(&pb.RouteFilter{Interfaces: []string{"Port3"}}), pageOf(&pb.RouteFilter{})
	r, err := routes.Parse(routes.Text{Interface: "Port3", Destination: "10.1.0.0/16", NextHop: "192.168.20.1", Metric: 7})
	if err != nil {
		f.Fatal(err)
	}
	for _, token := range []string{mine.token(r.Key()), other.token(r.Key()), mine.sequenceToken(7), "", "!", "AAAA", mine.encode(nil)} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if key, err := mine.key(token); err == nil && token != "" {
			if again, err := mine.key(mine.token(key)); err != nil || again != key {
				t.Fatalf("%q means %v, made again %v: %v", token, key, again, err)
			}
			if _, err := other.key(token); err == nil {
				t.Fatalf("%q is taken for two filters", token)
			}
		}
		if n, err := mine.sequence(token); err == nil && token != "" {
			if again, err := mine.sequence(mine.sequenceToken(n)); err != nil || again != n {
				t.Fatalf("%q means %d, made again %d: %v", token, n, again, err)
			}
		}
		for _, read := range []func() error{
			func() error { _, err := mine.key(token); return err },
			func() error { _, err := mine.sequence(token); return err },
		} {
			if err := read(); err != nil && routes.ReasonOf(err) != routes.BadRequest {
				t.Fatalf("%q: %v", token, err)
			}
		}
	})
}
