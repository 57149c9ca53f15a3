package fleet

import (
	"context"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
)

// Bounds of what a node may report. What it says is a claim: a lie must not cost
// more than the truth about what is stored.
const (
	// slackRoutes is how many statuses beyond those of the stored routes are no
	// excess: routes come and go while a report is on its way.
	slackRoutes = 16 << 10
	// maxHeld is the largest set of a node's own that is allowed for.
	maxHeld = 1 << 20
	// maxEntry is the longest status of a message, in bytes; maxNIC the longest
	// NIC, which has up to agentapi.MaxNetworks addresses and networks.
	maxEntry = 16 << 10
	maxNIC   = 64 << 10
	// A part of the set that a node holds has up to 2,000 routes, each in a block
	// of its own at worst; maxHeldPart bounds its bytes, maxPort those of a port.
	maxHeldPart    = 1 << 20
	maxHeldEntries = 4096
	maxPort        = 1 << 10
	// maxAlarm is the longest text beside them, as it comes; see agentapi.MaxText.
	maxAlarm = 64 << 10
	// maxAlarms is how many alarms a report has; there is one for each kind.
	maxAlarms = 32
)

// errExcess says that an agent reports more than any honest one could: its
// session ends, and the node's problem and the log name it.
type errExcess struct{ what string }

func (e errExcess) Error() string {
	return "the agent " + e.what + "; it is faulty or compromised, and what it had reported was dropped"
}

func excess(format string, args ...any) error { return errExcess{fmt.Sprintf(format, args...)} }

// accusation says that a node reported what cannot be true. It stands, whatever
// the node does, until an operator adopts the node or the service restarts.
type accusation struct {
	what string // empty: none
	at   time.Time
}

func (a accusation) String() string {
	return fmt.Sprintf("on %s, %s", a.at.UTC().Format(time.RFC3339), a.what)
}

// lapses counts reported statuses of routes that are not stored. A session lasts
// for months, so they are forgiven in time: slackRoutes in an hour.
type lapses struct{ agentapi.Level }

// add reports whether so many more are within the limit.
func (l *lapses) add(now time.Time, n uint64, limit int) bool {
	return l.At(now, slackRoutes/time.Hour.Seconds(), float64(n)) <= float64(limit)
}

// limit is how many statuses a session's messages may have now.
func (s *session) limit() int {
	info := s.m.opts.Store.Info()
	s.allow(info.Version.Count + info.Removing)
	return int(s.most.Load()) + slackRoutes
}

// allow lets the session's messages be about so many routes: those stored, or
// those that the agent holds from before. It reports the latter at once, and
// after a restore or an adoption they may be far more.
func (s *session) allow(routes uint64) {
	count := int64(min(routes, math.MaxInt32))
	for most := s.most.Load(); most < count && !s.most.CompareAndSwap(most, count); most = s.most.Load() {
	}
}

// bounded is the codec of an agent's messages: it looks at a message before it
// takes the memory that the message asks for, which is many times its length.
type bounded struct {
	encoding.CodecV2
	check  func(data []byte) error
	refuse context.CancelCauseFunc // gets the error, as grpc keeps only its text
}

func boundedBy(check func(data []byte) error, refuse context.CancelCauseFunc) bounded {
	return bounded{CodecV2: encoding.GetCodecV2(protocodec.Name), check: check, refuse: refuse}
}

// Unmarshal implements encoding.CodecV2.
func (b bounded) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("a %T is no message", v)
	}
	buf := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buf.Free()
	if err := b.check(buf.ReadOnlyData()); err != nil {
		b.refuse(err)
		return err
	}
	return proto.Unmarshal(buf.ReadOnlyData(), m)
}

// Numbers of the fields in proto/agent/v1 that an agent can repeat.
const (
	fieldHello           protowire.Number = 1
	fieldReport          protowire.Number = 2
	fieldHelloNICs       protowire.Number = 7
	fieldReportException protowire.Number = 3
	fieldReportResolved  protowire.Number = 4
	fieldReportNICs      protowire.Number = 6
	fieldReportAlarms    protowire.Number = 12
	fieldHeldPart        protowire.Number = 1
	fieldPartBlocks      protowire.Number = 2
	fieldPartPorts       protowire.Number = 5
)

// checkHeld counts what a part of a set repeats: no block and no port of it is
// without a route, and a part has few routes.
func checkHeld(data []byte) error {
	blocks, ports := 0, 0
	return fields(data, func(outer protowire.Number, part []byte) error {
		return fields(part, func(inner protowire.Number, entry []byte) error {
			switch {
			case outer != fieldHeldPart:
			case inner == fieldPartBlocks:
				blocks++
			case inner == fieldPartPorts:
				if err := fields(entry, func(_ protowire.Number, port []byte) error {
					if ports++; len(port) > maxPort {
						return excess("names a port in %d bytes", len(port))
					}
					return nil
				}); err != nil {
					return err
				}
			}
			if blocks > maxHeldEntries || ports > maxHeldEntries {
				return excess("sends a set in parts of more than %d ports or blocks", maxHeldEntries)
			}
			return nil
		})
	})
}

// checkMessage counts what a message repeats. What is no message is for the
// decoder to refuse.
func checkMessage(data []byte, limit int) error {
	statuses, nics, alarms := 0, 0, 0 // over all parts: a message may come in several, which are merged
	return fields(data, func(outer protowire.Number, body []byte) error {
		return fields(body, func(inner protowire.Number, entry []byte) error {
			most := maxAlarm
			switch {
			case outer == fieldReport && (inner == fieldReportException || inner == fieldReportResolved):
				statuses, most = statuses+1, maxEntry
			case outer == fieldReport && inner == fieldReportNICs, outer == fieldHello && inner == fieldHelloNICs:
				nics, most = nics+1, maxNIC
			case outer == fieldReport && inner == fieldReportAlarms:
				alarms++
			}
			switch {
			case statuses > limit:
				return excess("reports more than %d routes", limit)
			case nics > agentapi.MaxNICs:
				return excess("reports more than %d NICs", agentapi.MaxNICs)
			case alarms > maxAlarms:
				return excess("reports more than %d alarms", maxAlarms)
			case len(entry) > most:
				return excess("sends a text, a status or a NIC of %d bytes", len(entry))
			}
			return nil
		})
	})
}

// fields calls yield for each field of a message that has a length.
func fields(data []byte, yield func(protowire.Number, []byte) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil
		}
		data = data[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
				return nil
			}
			data = data[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return nil
		}
		if err := yield(number, value); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
