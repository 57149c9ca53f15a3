//go:build linux

package system

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// sessionsLimit bounds the wait for the nodes' first reports.
const sessionsLimit = time.Minute

// awaitNodes waits until the service has heard of every node: whoever works with
// a system is not there to see it start.
func (s *System) awaitNodes(ctx context.Context) error {
	conn, err := grpc.NewClient(s.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, sessionsLimit, fmt.Errorf("not within %s", sessionsLimit))
	defer cancel()
	client := pb.NewInventoryServiceClient(conn)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		resp, err := client.ListNodes(ctx, &pb.ListNodesRequest{}, grpc.WaitForReady(true))
		if err != nil {
			return fmt.Errorf("ask for the nodes: %w", err)
		}
		heard, problem := 0, ""
		for _, n := range resp.GetNodes() {
			if n.GetConnected() && n.GetLastReport() != nil {
				heard++
			} else {
				problem = fmt.Sprintf(", not of %s: %s", n.GetName(), n.GetProblem())
			}
		}
		if heard == len(s.Lab.Nodes()) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the service has heard of %d of %d nodes%s: %w", heard, len(s.Lab.Nodes()), problem, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}
