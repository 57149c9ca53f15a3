package boltstore

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const (
	requestFormat = 1
	// requestAge is how long a request id makes a retry safe.
	requestAge = 24 * time.Hour
	// maxID is the longest request or node id in bytes; a UUID has 36.
	maxID = 256
	// trimStep bounds what one commit trims, so that no caller pays for a backlog.
	trimStep = 128
)

// request is what is kept of a request id.
type request struct {
	fingerprint [32]byte
	expires     int64 // by the own time, see clock
	answer      []byte
}

func (r request) append(b []byte) []byte {
	b = append(b, requestFormat)
	b = append(b, r.fingerprint[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.expires))
	return append(b, r.answer...)
}

// decodeRequest does not copy the answer.
func decodeRequest(b []byte) (request, error) {
	d := decoder{b: b}
	d.version(requestFormat)
	r := request{fingerprint: d.hash(), expires: int64(d.uint64())}
	if d.err != nil {
		return request{}, damaged("request id: %v", d.err)
	}
	r.answer = d.b
	return r, nil
}

// openRequest is decodeRequest for what the bucket holds.
func openRequest(id, sealed []byte) (request, error) {
	b, err := unseal(id, sealed)
	if err != nil {
		return request{}, damaged("request id %q: %v", id, err)
	}
	return decodeRequest(b)
}

func expiryKey(expires int64, id string) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(expires))
	return append(b, id...)
}

// checkID refuses ids that would not fit a key.
func checkID(field, id string) error {
	if len(id) > maxID {
		return &routes.Error{Reason: routes.BadRequest, Field: field, Value: id[:32] + "...", Problem: fmt.Sprintf("%d bytes long, at most %d are allowed", len(id), maxID)}
	}
	return nil
}

// replay returns the stored answer of a request id, or ok false where the id
// is new or has expired.
func (g *group) replay(id string, fingerprint [32]byte) (answer []byte, ok bool, err error) {
	value := g.bucket(requestsBucket).Get([]byte(id))
	if value == nil {
		return nil, false, nil
	}
	r, err := openRequest([]byte(id), value)
	switch {
	case err != nil:
		return nil, false, g.fail(err)
	case r.expires <= g.clock.own:
		g.forgetRequest(expiryKey(r.expires, id))
		return nil, false, nil
	case r.fingerprint != fingerprint:
		return nil, false, &routes.Error{Reason: routes.RequestIDReused, Field: "request_id", Value: id, Problem: "another request was sent with it"}
	}
	return append([]byte{}, r.answer...), true, nil
}

// remember keeps the answer of a request id, and makes room for it.
func (g *group) remember(req *store.Request, answer []byte) {
	r := request{fingerprint: req.Fingerprint, expires: g.clock.own + int64(requestAge), answer: answer}
	id := []byte(req.RequestID)
	value := seal(id, r.append(nil))
	e := expiry{actor: req.Caller.Actor, bytes: uint64(len(value)) + requestCost}
	g.put(requestsBucket, id, value)
	g.put(expiryBucket, expiryKey(r.expires, req.RequestID), e.append(nil))
	g.kept(e, 1)
	g.makeRoom()
}

// trimRequests drops ids that have expired, oldest first.
func (g *group) trimRequests() {
	c := g.bucket(expiryBucket).Cursor()
	var old [][]byte
	for k, _ := c.First(); k != nil && len(old) < trimStep; k, _ = c.Next() {
		if len(k) < 8 || int64(binary.BigEndian.Uint64(k)) > g.clock.own {
			break
		}
		old = append(old, append([]byte{}, k...))
	}
	for _, k := range old {
		g.forgetRequest(k)
	}
}

// forgetRequest drops the request id of a key in the bucket expiry.
func (g *group) forgetRequest(k []byte) {
	g.kept(readExpiry(g.bucket(expiryBucket).Get(k)), -1)
	g.delete(requestsBucket, k[8:])
	g.delete(expiryBucket, k)
}
