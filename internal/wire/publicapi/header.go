package publicapi

import (
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// warningHeader carries a Warning that concerns no route and every answer.
const warningHeader = "hcsroute-warning-bin"

// WarningHeader is the header of an answer with a warning.
func WarningHeader(w routes.Warning) metadata.MD {
	b, err := proto.Marshal(Warnings([]routes.Warning{w})[0])
	if err != nil { // a text that is not UTF-8
		b, _ = proto.Marshal(&pb.Warning{Code: string(w.Code)})
	}
	return metadata.Pairs(warningHeader, string(b))
}

// HeaderWarnings reads the warnings of an answer's header.
func HeaderWarnings(md metadata.MD) (list []*pb.Warning) {
	for _, text := range md.Get(warningHeader) {
		w := &pb.Warning{}
		if proto.Unmarshal([]byte(text), w) == nil {
			list = append(list, w)
		}
	}
	return list
}
