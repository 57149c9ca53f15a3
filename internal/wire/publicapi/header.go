package publicapi

import (
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// reasonTrailer carries the Reason of a refusal, for clients that have no means
// to read the details of a status.
const reasonTrailer = "hcsroute-reason"

// ReasonTrailer is the trailer of a refused call; nil where err has no Reason.
func ReasonTrailer(err error) metadata.MD {
	for _, d := range status.Convert(err).Details() {
		if p, ok := d.(*pb.Error); ok {
			return metadata.Pairs(reasonTrailer, p.GetReason())
		}
	}
	return nil
}

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
