package server

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// maxText is the longest string field that any request needs, in bytes: an
// alias has at most 256.
const maxText = 512

// guard refuses strings that are too long, or that would play tricks with an
// operator's terminal in a message or in the audit. Routes in a list are left
// to whoever makes the items of them: one bad text costs its item only.
func guard(m proto.Message) error {
	var bad error
	walk(m.ProtoReflect(), func(field protoreflect.FieldDescriptor, text string) bool {
		switch {
		case len(text) > maxText:
			bad = &routes.Error{Reason: routes.BadRequest, Field: string(field.Name()), Value: fmt.Sprintf("%.32q...", text), Problem: fmt.Sprintf("%d bytes, more than %d", len(text), maxText)}
		case strings.ContainsFunc(text, unprintable):
			bad = &routes.Error{Reason: routes.BadRequest, Field: string(field.Name()), Value: fmt.Sprintf("%.32q", text), Problem: "it has characters that cannot be printed"}
		}
		return bad == nil
	})
	return bad
}

// walk calls yield for each string in m, also in nested messages, until it
// returns false.
func walk(m protoreflect.Message, yield func(protoreflect.FieldDescriptor, string) bool) (more bool) {
	more = true
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		one := func(v protoreflect.Value) bool {
			switch field.Kind() {
			case protoreflect.StringKind:
				more = yield(field, v.String())
			case protoreflect.MessageKind:
				more = walk(v.Message(), yield)
			}
			return more
		}
		switch {
		case field.IsMap():
			return true // no request has a map but in output-only fields
		case field.IsList() && isItem(field):
			return true
		case field.IsList():
			for list, i := v.List(), 0; i < list.Len() && more; i++ {
				one(list.Get(i))
			}
			return more
		}
		return one(v)
	})
	return more
}

// isItem says that the messages of a list are the items of a call.
func isItem(field protoreflect.FieldDescriptor) bool {
	switch field.Message() {
	case (*pb.Route)(nil).ProtoReflect().Descriptor(), (*pb.RouteChange)(nil).ProtoReflect().Descriptor(), (*pb.RouteSelector)(nil).ProtoReflect().Descriptor():
		return true
	}
	return false
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// roleFor is the least role that may call a method.
func roleFor(method string) Role {
	switch method {
	case pb.RouteService_AddRoute_FullMethodName, pb.RouteService_SetRoute_FullMethodName, pb.RouteService_RemoveRoute_FullMethodName,
		pb.RouteService_BatchAddRoutes_FullMethodName, pb.RouteService_BatchSetRoutes_FullMethodName, pb.RouteService_BatchRemoveRoutes_FullMethodName,
		pb.RouteService_ApplyRoutes_FullMethodName,
		pb.MaintenanceService_CheckStore_FullMethodName, pb.MaintenanceService_ListLosses_FullMethodName:
		return Operator
	case pb.InventoryService_ForgetNode_FullMethodName, pb.InventoryService_AdoptNode_FullMethodName,
		pb.MaintenanceService_Backup_FullMethodName, pb.MaintenanceService_CompactStore_FullMethodName,
		pb.MaintenanceService_AcceptLosses_FullMethodName:
		return Admin
	case pb.RouteService_GetRoute_FullMethodName, pb.RouteService_ListRoutes_FullMethodName, pb.RouteService_WatchRoutes_FullMethodName,
		pb.RouteService_WaitRoutes_FullMethodName, pb.RouteService_ExplainRoute_FullMethodName,
		pb.InventoryService_ListInterfaces_FullMethodName, pb.InventoryService_ListNodes_FullMethodName,
		pb.AuditService_ListAuditRecords_FullMethodName, pb.AuditService_VerifyAudit_FullMethodName,
		pb.MaintenanceService_GetServiceInfo_FullMethodName, pb.MaintenanceService_ListFindings_FullMethodName:
		return Reader
	}
	if strings.HasPrefix(method, "/grpc.health.v1.") || strings.HasPrefix(method, "/grpc.reflection.") {
		return Reader
	}
	return Admin // a method that nobody thought of
}
