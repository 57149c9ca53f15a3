package view

import (
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// Info says what runs and how its store is.
type Info struct {
	Version          string `json:"version"`
	StartTime        string `json:"start_time,omitempty"`
	StoreID          string `json:"store_id"`
	Epoch            uint64 `json:"epoch"`
	Revision         uint64 `json:"revision"`
	Digest           string `json:"digest,omitempty"`
	Routes           uint64 `json:"routes"`
	Removing         uint64 `json:"removing"`
	StorePath        string `json:"store_path,omitempty"`
	StoreBytes       uint64 `json:"store_bytes,omitempty"`
	Writable         bool   `json:"writable"`
	Problem          string `json:"problem,omitempty"`
	InventoryProblem string `json:"inventory_problem,omitempty"`
	Caller           string `json:"caller,omitempty"`
	CallerRole       string `json:"caller_role,omitempty"`

	CertificateProblems []string `json:"certificate_problems,omitempty"`
	BehindNodes         []string `json:"behind_nodes,omitempty"`
	StoreOpened         string   `json:"store_opened,omitempty"`
	ListenProblem       string   `json:"listen_problem,omitempty"`
	ArchiveProblem      string   `json:"archive_problem,omitempty"`

	StoreError   *Error        `json:"store_error,omitempty"`
	Certificates []Certificate `json:"certificates,omitempty"`
}

// Certificate is one of the service, or that of a node's agent.
type Certificate struct {
	Use      string `json:"use"`
	File     string `json:"file,omitempty"`
	Subject  string `json:"subject,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	NotAfter string `json:"not_after,omitempty"`
	InUse    bool   `json:"in_use"`
	Problem  string `json:"problem,omitempty"`
}

// FromCertificate converts a certificate.
func FromCertificate(p *pb.Certificate) Certificate {
	return Certificate{
		Use: p.GetUse(), File: p.GetFile(), Subject: p.GetSubject(), Serial: p.GetSerial(), Issuer: p.GetIssuer(),
		NotAfter: Time(p.GetNotAfter()), InUse: p.GetInUse(), Problem: p.GetProblem(),
	}
}

// FromInfo converts the service's answer.
func FromInfo(p *pb.GetServiceInfoResponse) Info {
	i := Info{
		Version: p.GetVersion(), StartTime: Time(p.GetStartTime()), StoreID: p.GetStoreId(), Epoch: p.GetEpoch(), Revision: p.GetRevision(),
		Digest: p.GetDigest(), Routes: p.GetRoutes(), Removing: p.GetRemoving(), StorePath: p.GetStorePath(), StoreBytes: p.GetStoreBytes(),
		Writable: p.GetWritable(), Problem: p.GetProblem(), InventoryProblem: p.GetInventoryProblem(), Caller: p.GetCaller(), CallerRole: p.GetCallerRole(),
		CertificateProblems: p.GetCertificateProblems(), BehindNodes: p.GetBehindNodes(), StoreOpened: p.GetStoreOpened(),
		ListenProblem: p.GetListenProblem(), ArchiveProblem: p.GetArchiveProblem(),
	}
	if refusal := publicapi.FromError(p.GetStoreError()); refusal != nil {
		e := FromError(refusal)
		i.StoreError = &e
	}
	for _, c := range p.GetCertificates() {
		i.Certificates = append(i.Certificates, FromCertificate(c))
	}
	return i
}

// Finding is what is to be known of some routes.
type Finding struct {
	State    string   `json:"state,omitempty"`
	Code     string   `json:"code"`
	Failure  bool     `json:"failure"`
	Reason   string   `json:"reason,omitempty"`
	Routes   uint64   `json:"routes"`
	Examples []Route  `json:"examples"`
	Nodes    []string `json:"nodes,omitempty"`
	Detail   string   `json:"detail,omitempty"`
	Remedy   string   `json:"remedy,omitempty"`
}

// FromFinding converts a finding.
func FromFinding(p *pb.Finding) Finding {
	return Finding{
		State: enum(p.GetState().String(), "STATE_"), Code: p.GetCode(), Failure: p.GetFailure(), Reason: p.GetReason(), Routes: p.GetRoutes(),
		Examples: FromRoutes(p.GetExamples()), Nodes: p.GetNodes(), Detail: p.GetDetail(), Remedy: p.GetRemedy(),
	}
}

// Record is one audit record.
type Record struct {
	Sequence    uint64   `json:"sequence"`
	Time        string   `json:"time,omitempty"`
	Actor       string   `json:"actor,omitempty"`
	OnBehalfOf  string   `json:"on_behalf_of,omitempty"`
	Origin      string   `json:"origin,omitempty"`
	Action      string   `json:"action"`
	Revision    uint64   `json:"revision"`
	Before      []string `json:"before,omitempty"`
	After       []string `json:"after,omitempty"`
	Items       uint64   `json:"items"`
	ItemsDigest string   `json:"items_digest,omitempty"`
	RequestID   string   `json:"request_id,omitempty"`
	Note        string   `json:"note,omitempty"`
	Hash        string   `json:"hash,omitempty"`
	Certificate string   `json:"certificate,omitempty"`
	Refused     uint64   `json:"refused,omitempty"`
	Damaged     string   `json:"damaged,omitempty"`
}

// FromRecords converts audit records.
func FromRecords(list []*pb.AuditRecord) []Record {
	out := make([]Record, 0, len(list))
	for _, p := range list {
		out = append(out, Record{
			Sequence: p.GetSequence(), Time: Time(p.GetTime()), Actor: p.GetActor(), OnBehalfOf: p.GetOnBehalfOf(), Origin: p.GetOrigin(),
			Action: p.GetAction(), Revision: p.GetRevision(), Before: p.GetBefore(), After: p.GetAfter(), Items: p.GetItems(),
			ItemsDigest: p.GetItemsDigest(), RequestID: p.GetRequestId(), Note: p.GetNote(), Hash: p.GetHash(),
			Certificate: p.GetCertificate(), Refused: p.GetRefused(), Damaged: p.GetDamaged(),
		})
	}
	return out
}

// Event is one event of a watch.
type Event struct {
	Kind     string `json:"kind"`
	Route    *Route `json:"route,omitempty"`
	Previous *Route `json:"previous,omitempty"`
	Revision uint64 `json:"revision"`
}

// FromEvent converts an event.
func FromEvent(p *pb.WatchRoutesResponse) Event {
	e := Event{Kind: enum(p.GetKind().String(), "KIND_"), Revision: p.GetRevision()}
	if p.GetRoute() != nil {
		r := FromRoute(p.GetRoute())
		e.Route = &r
	}
	if p.GetPrevious() != nil {
		r := FromRoute(p.GetPrevious())
		e.Previous = &r
	}
	return e
}

// Counts says what a change did, by item.
type Counts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Removed   int `json:"removed"`
	Refused   int `json:"refused"`
}

// Add counts n items of an outcome; an empty outcome was refused.
func (c *Counts) Add(outcome string, n int) {
	switch outcome {
	case "CREATED":
		c.Created += n
	case "UPDATED":
		c.Updated += n
	case "UNCHANGED":
		c.Unchanged += n
	case "REMOVED":
		c.Removed += n
	case "":
		c.Refused += n
	}
}
