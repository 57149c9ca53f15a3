package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/jsonkeys"
	"github.com/hcsroute/hcsroute/routes"
)

// Limits of a request, see docs/json-lines.md.
const (
	Version     = 1
	maxLine     = 1 << 20
	maxRoutes   = 1000
	waitDefault = 10 * time.Second
)

// request is one line of input. err is what is wrong with it; it is answered
// in its turn.
type request struct {
	V            int           `json:"v"`
	ID           string        `json:"id"`
	Op           string        `json:"op"`
	Routes       []change.Item `json:"routes"`
	Force        bool          `json:"force"`
	All          bool          `json:"all"`
	IfExists     bool          `json:"if_exists"`
	Wait         string        `json:"wait"`
	Timeout      *float64      `json:"timeout"`
	ValidateOnly bool          `json:"validate_only"`
	OnBehalfOf   string        `json:"on_behalf_of"`
	RequestID    string        `json:"request_id"`
	Filter       *filter       `json:"filter"`
	ChangesOnly  bool          `json:"changes_only"`
	Linger       bool          `json:"linger"`
	Address      string        `json:"address"`
	Nodes        []string      `json:"nodes"`
	Since        string        `json:"since"`
	Until        string        `json:"until"`
	Destination  string        `json:"destination"`
	Actor        string        `json:"actor"`
	Limit        int           `json:"limit"`

	err   *routes.Error
	fatal bool // the answer cannot be attributed, or nothing can follow
}

type filter struct {
	Interfaces    []string         `json:"interfaces"`
	Destinations  []string         `json:"destinations"`
	NextHops      []string         `json:"next_hops"`
	Metrics       []change.Decimal `json:"metrics"`
	States        []string         `json:"states"`
	Codes         []string         `json:"codes"`
	AddressFamily string           `json:"address_family"`
}

// fields are the fields of an op: its own, then those of its routes.
type fields struct{ own, item string }

// fieldsOf returns what an op takes besides v, id and op.
func fieldsOf(op string) (fields, bool) {
	const write = " routes wait timeout validate_only on_behalf_of request_id "
	switch op {
	case "add":
		return fields{write + "force ", " interface destination next_hop metric "}, true
	case "set":
		return fields{write, " interface destination next_hop new_next_hop metric expected_revision "}, true
	case "remove":
		return fields{write + "all if_exists ", " interface destination next_hop expected_revision "}, true
	case "get":
		return fields{own: " filter "}, true
	case "find":
		return fields{own: " address nodes "}, true
	case "audit":
		return fields{own: " since until destination actor limit "}, true
	case "watch":
		return fields{own: " filter changes_only linger "}, true
	case "interfaces", "nodes", "info":
		return fields{}, true
	}
	return fields{}, false
}

// at returns the fields of an object at a depth of the line: of the request,
// of its filter, of an item.
func (f fields) at(depth int) string {
	switch depth {
	case 1:
		return " v id op " + f.own
	case 2:
		return " interfaces destinations next_hops metrics states codes address_family "
	}
	return f.item
}

// parse reads one line. The request it returns always has its id, or is fatal.
func parse(line []byte) *request {
	var head struct {
		V  *int    `json:"v"`
		ID *string `json:"id"`
		Op string  `json:"op"`
	}
	if err := json.Unmarshal(line, &head); err != nil || head.ID == nil {
		return fatal("not a request: " + notRequest(line, err))
	}
	r := &request{ID: *head.ID, Op: head.Op}
	bad := func(field, value, problem string) *request {
		return &request{ID: r.ID, Op: r.Op, err: &routes.Error{Reason: routes.BadRequest, Field: field, Value: value, Problem: problem}}
	}
	allowed, known := fieldsOf(head.Op)
	switch {
	case !utf8.Valid(line):
		return bad("", "", "the line is not UTF-8")
	case head.V == nil || *head.V != Version:
		return bad("v", "", fmt.Sprintf("this program speaks version %d of the contract", Version))
	case !known:
		return bad("op", fmt.Sprintf("%.64q", head.Op), "there is no such operation")
	}
	switch fault := jsonkeys.Check(line, allowed.at); {
	case fault == nil:
	case fault.Twice:
		return bad(clip(fault.Name), "", "given twice")
	default:
		return bad(clip(fault.Name), "", fmt.Sprintf("%s has no such field", head.Op))
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		field, problem := wrongType(err)
		return bad(field, "", problem)
	}
	return r.validate()
}

func (r *request) validate() *request {
	refuse := func(reason routes.Reason, field, value, problem string) *request {
		return &request{ID: r.ID, Op: r.Op, Routes: r.Routes, err: &routes.Error{Reason: reason, Field: field, Value: value, Problem: problem}}
	}
	switch {
	case len(r.Routes) > maxRoutes:
		e := refuse(routes.BatchTooLarge, "routes", fmt.Sprint(len(r.Routes)), fmt.Sprintf("a request takes at most %d routes", maxRoutes))
		e.err.Action = "Send several requests; they are carried out together"
		return e
	case r.writes() && len(r.Routes) == 0:
		return refuse(routes.BadRequest, "routes", "", "there are none")
	case r.Wait != "" && r.Wait != "stored" && r.Wait != "programmed":
		return refuse(routes.BadRequest, "wait", fmt.Sprintf("%.64q", r.Wait), "neither stored nor programmed")
	case r.Timeout != nil && (*r.Timeout < 0 || *r.Timeout > change.MaxTimeout.Seconds()):
		return refuse(routes.BadRequest, "timeout", fmt.Sprint(*r.Timeout), "not in 0..60 seconds")
	case r.Limit < 0:
		return refuse(routes.BadRequest, "limit", fmt.Sprint(r.Limit), "negative")
	case r.Op == "find" && r.Address == "":
		return refuse(routes.BadRequest, "address", "", "there is none")
	}
	if r.Filter != nil {
		if _, err := r.Filter.proto(); err != nil {
			return &request{ID: r.ID, Op: r.Op, err: err}
		}
	}
	return r
}

func (r *request) writes() bool { return r.Op == "add" || r.Op == "set" || r.Op == "remove" }

func (r *request) timeout() time.Duration {
	if r.Timeout == nil {
		return waitDefault
	}
	return time.Duration(*r.Timeout * float64(time.Second))
}

// together reports whether two requests may share a transaction.
func (r *request) together(o *request) bool {
	return r.err == nil && o.err == nil && r.writes() && r.Op == o.Op && r.Force == o.Force && r.All == o.All && r.IfExists == o.IfExists && r.Wait == o.Wait &&
		r.timeout() == o.timeout() && r.ValidateOnly == o.ValidateOnly && r.OnBehalfOf == o.OnBehalfOf && r.RequestID == "" && o.RequestID == ""
}

func fatal(problem string) *request {
	return &request{fatal: true, err: &routes.Error{
		Reason: routes.BadRequest, Problem: problem, Action: "Write one JSON object with v, id and op on each line, in UTF-8",
	}}
}

func notRequest(line []byte, err error) string {
	switch {
	case bytes.IndexByte(line, 0) >= 0:
		return "the input looks like UTF-16; write ASCII or UTF-8"
	case err == nil:
		return "it has no id"
	case !bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")):
		return "the line is not a JSON object"
	}
	_, problem := wrongType(err)
	return problem
}

// wrongType says what is wrong with JSON that does not fit.
func wrongType(err error) (field, problem string) {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		name := typed.Field[strings.LastIndexByte(typed.Field, '.')+1:]
		return name, fmt.Sprintf("a JSON %s does not fit here", typed.Value)
	}
	return "", "not valid JSON: " + strings.TrimPrefix(err.Error(), "json: ")
}
