package routes

import "strings"

// Reason says why a request was refused. The set is closed: Reasons lists it,
// and docs, CLI and PowerShell are generated from or checked against that list.
type Reason string

// The Reasons of DESIGN sections 3 and 4.
const (
	DestinationInvalid   Reason = "DESTINATION_INVALID"
	DestinationHostBits  Reason = "DESTINATION_HOST_BITS"
	DefaultRoute         Reason = "DEFAULT_ROUTE"
	HostDestination      Reason = "HOST_DESTINATION"
	ProtectedPrefix      Reason = "PROTECTED_PREFIX"
	NextHopInvalid       Reason = "NEXT_HOP_INVALID"
	NextHopNotOnLink     Reason = "NEXT_HOP_NOT_ON_LINK"
	MetricOutOfRange     Reason = "METRIC_OUT_OF_RANGE"
	InterfaceNotFound    Reason = "INTERFACE_NOT_FOUND"
	HostRoute            Reason = "HOST_ROUTE"
	InterfaceNotStatic   Reason = "INTERFACE_NOT_STATIC"
	InterfaceTeamed      Reason = "INTERFACE_TEAMED"
	InventoryUnavailable Reason = "INVENTORY_UNAVAILABLE"
	OverridesOnLink      Reason = "OVERRIDES_ON_LINK"
	AlreadyExists        Reason = "ALREADY_EXISTS"
	MetricConflict       Reason = "METRIC_CONFLICT"
	DestinationFull      Reason = "DESTINATION_FULL"
	Ambiguous            Reason = "AMBIGUOUS"
	NotFound             Reason = "NOT_FOUND"
	RevisionMismatch     Reason = "REVISION_MISMATCH"
	NotProgrammed        Reason = "NOT_PROGRAMMED"
	RequestIDReused      Reason = "REQUEST_ID_REUSED"
	BatchTooLarge        Reason = "BATCH_TOO_LARGE"
	DiskFull             Reason = "DISK_FULL"
	StoreFailed          Reason = "STORE_FAILED"
	Unauthenticated      Reason = "UNAUTHENTICATED"
	PermissionDenied     Reason = "PERMISSION_DENIED"
	Unavailable          Reason = "UNAVAILABLE"
	BadRequest           Reason = "BAD_REQUEST"
)

// Code is a gRPC status code by number (google.golang.org/grpc/codes), kept
// as a number so that the domain imports the standard library only.
type Code uint32

// The gRPC codes that the table uses.
const (
	CodeInvalidArgument    Code = 3
	CodeDeadlineExceeded   Code = 4
	CodeNotFound           Code = 5
	CodeAlreadyExists      Code = 6
	CodePermissionDenied   Code = 7
	CodeResourceExhausted  Code = 8
	CodeFailedPrecondition Code = 9
	CodeAborted            Code = 10
	CodeUnavailable        Code = 14
	CodeDataLoss           Code = 15
	CodeUnauthenticated    Code = 16
)

// Exit is the CLI's exit code, one for each class of Reason.
type Exit int

// The exit codes.
const (
	ExitOK            Exit = 0
	ExitInternal      Exit = 1
	ExitUsage         Exit = 2
	ExitInvalid       Exit = 3
	ExitConflict      Exit = 4
	ExitNotFound      Exit = 5
	ExitInterface     Exit = 6
	ExitPermission    Exit = 7
	ExitUnavailable   Exit = 8
	ExitNotProgrammed Exit = 9
	ExitStore         Exit = 10
)

// ReasonInfo is one row of the one error table.
type ReasonInfo struct {
	Reason Reason
	Code   Code // gRPC status code
	Exit   Exit // exit code of the CLI
	// Category is the PowerShell ErrorCategory by name.
	Category string
	// Meaning is one sentence for the reference page.
	Meaning string
	// Action says what the operator can do, where no error says it better.
	Action string
}

// ErrorID is the PowerShell error id: the Reason in PascalCase.
func (r Reason) ErrorID() string {
	var b strings.Builder
	for _, word := range strings.Split(string(r), "_") {
		if word == "" {
			continue
		}
		b.WriteString(word[:1])
		b.WriteString(strings.ToLower(word[1:]))
	}
	return b.String()
}

// Info returns the table's row for r. An unknown Reason (of a newer peer, say)
// answers with ok false and a row of the class "internal".
func (r Reason) Info() (info ReasonInfo, ok bool) {
	for _, row := range Reasons() {
		if row.Reason == r {
			return row, true
		}
	}
	return ReasonInfo{Reason: r, Code: 2, Exit: ExitInternal, Category: "NotSpecified", Meaning: "A reason this version does not know."}, false
}

// Reasons is the one error table, in the order of the documentation.
func Reasons() []ReasonInfo {
	return []ReasonInfo{
		{DestinationInvalid, CodeInvalidArgument, ExitInvalid, "InvalidArgument", "The destination is not an IPv4 or IPv6 unicast prefix or address.", "Give a prefix such as 192.168.21.0/24 or a single address."},
		{DestinationHostBits, CodeInvalidArgument, ExitInvalid, "InvalidArgument", "The destination has bits set to the right of its prefix length.", "Use the masked prefix that the message offers."},
		{DefaultRoute, CodeInvalidArgument, ExitInvalid, "InvalidArgument", "The destination is a default route, or so short that it acts as one.", "Use the prefixes of the private network, or allow default routes in the service's policy."},
		{HostDestination, CodeInvalidArgument, ExitInvalid, "InvalidArgument", "The destination is a single address and the policy refuses those.", "Use the subnet, or set host_destinations: allow in the service's policy."},
		{ProtectedPrefix, CodeInvalidArgument, ExitInvalid, "InvalidArgument", "The destination would take over addresses that the cluster or the device itself needs.", "Use a destination outside the protected range that the message names."},
		{NextHopInvalid, CodeInvalidArgument, ExitInvalid, "InvalidArgument", "The next hop is not a unicast address of the destination's family, or is an address of the port or of a node itself.", "Give the address of the router that leads to the destination."},
		{NextHopNotOnLink, CodeInvalidArgument, ExitInvalid, "InvalidArgument", "The next hop is on no subnet of the port.", "Use a router on one of the port's subnets, which the message lists."},
		{MetricOutOfRange, CodeInvalidArgument, ExitInvalid, "InvalidArgument", "The metric is not in 1..65535.", "Use a metric from 1 to 65535; the default is 256."},
		{InterfaceNotFound, CodeNotFound, ExitInterface, "ObjectNotFound", "The device has no such port.", "Use a port that interfaces / Get-HcsNetRouteInterface lists."},
		{HostRoute, CodeFailedPrecondition, ExitInterface, "InvalidOperation", "The interface belongs to the device host; routes go to the Kubernetes VMs only.", "Use a port with compute enabled."},
		{InterfaceNotStatic, CodeFailedPrecondition, ExitInterface, "InvalidOperation", "The port has no static address.", "Give the port a static address, then add the route."},
		{InterfaceTeamed, CodeFailedPrecondition, ExitInterface, "InvalidOperation", "The port is a NIC team, a member of one, or on a switch over one.", "Use a port that is not teamed."},
		{InventoryUnavailable, CodeUnavailable, ExitUnavailable, "ResourceUnavailable", "The facts about the device's ports could not be read, so nothing can be proved about the port.", "Retry; if it stays, run hcsroute doctor on the device."},
		{OverridesOnLink, CodeFailedPrecondition, ExitInvalid, "InvalidOperation", "The route would take over traffic to a directly connected network.", "Use a destination outside that network, or set override_on_link: allow in the service's policy."},
		{AlreadyExists, CodeAlreadyExists, ExitConflict, "ResourceExists", "A route with this destination, interface and next hop exists with another metric.", "Use Set, or --force / -Force, to change the metric."},
		{MetricConflict, CodeAlreadyExists, ExitConflict, "ResourceExists", "Another route to this destination has the same metric; the kernel can hold only one of them.", "Use another metric, or remove or set the other route."},
		{DestinationFull, CodeResourceExhausted, ExitConflict, "LimitsExceeded", "As many routes lead to this destination as may (64); those that are being removed count.", "Remove one of them; its place is free once every node has proved it gone."},
		{Ambiguous, CodeFailedPrecondition, ExitConflict, "InvalidArgument", "Several routes match.", "Name the next hop, or use --all / -All to remove them all."},
		{NotFound, CodeNotFound, ExitNotFound, "ObjectNotFound", "No such route.", "List the routes with get / Get-HcsNetRoute."},
		{RevisionMismatch, CodeAborted, ExitConflict, "ResourceBusy", "The route has changed since the revision that was expected.", "Read it again and repeat the change."},
		{NotProgrammed, CodeDeadlineExceeded, ExitNotProgrammed, "OperationTimeout", "The route is stored, but a node's kernel does not have it.", "See the node's state with get / Get-HcsNetRoute or nodes / Get-HcsNetRouteNode; it is retried by itself."},
		{RequestIDReused, CodeInvalidArgument, ExitConflict, "InvalidArgument", "The request id was used before with another request.", "Use a new request id for a new request."},
		{BatchTooLarge, CodeInvalidArgument, ExitInvalid, "LimitsExceeded", "The call has too many items.", "Send at most 10,000 items in one call."},
		{DiskFull, CodeResourceExhausted, ExitStore, "LimitsExceeded", "The disk that holds the store is full; nothing was changed.", "Free space on the device; writes resume by themselves."},
		{StoreFailed, CodeDataLoss, ExitStore, "WriteError", "The store could not be written durably; the service takes no more writes.", "Restart the service after checking the disk; run hcsroute check."},
		{Unauthenticated, CodeUnauthenticated, ExitPermission, "AuthenticationError", "The caller could not be identified.", "Use a certificate that the service's CA has issued."},
		{PermissionDenied, CodePermissionDenied, ExitPermission, "PermissionDenied", "The caller may not do this.", "Ask for a role that may: reader, operator or admin."},
		{Unavailable, CodeUnavailable, ExitUnavailable, "ConnectionError", "The service cannot be reached.", "Check that the hcsroute service runs and that the address is right."},
		{BadRequest, CodeInvalidArgument, ExitUsage, "InvalidArgument", "The request is malformed.", "Correct the request as the message says."},
	}
}
