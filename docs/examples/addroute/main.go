// Command addroute adds a route and waits until every node's kernel has it.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

func main() {
	conn, err := grpc.NewClient(os.Getenv("HCSROUTE_ADDRESS"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	metric := uint32(100)
	res, err := pb.NewRouteServiceClient(conn).AddRoute(context.Background(), &pb.AddRouteRequest{
		Route:           &pb.Route{Interface: "Port3", Destination: "192.168.21.0/24", NextHop: "192.168.20.1", Metric: &metric},
		Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED,
		RequestId:       uuid.NewString(), // one for each change: a retry of this very call does nothing twice
	})
	if err != nil {
		for _, detail := range status.Convert(err).Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				log.Fatalf("refused: %s", info.Reason) // match on the reason, never on text
			}
		}
		log.Fatal(err)
	}
	for _, node := range res.Route.Nodes {
		fmt.Println(node.Node, node.State)
	}
}
