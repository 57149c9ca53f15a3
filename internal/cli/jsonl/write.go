package jsonl

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hcsroute/hcsroute/internal/cli/view"
)

// maxChunk is how many routes or records one line of an answer carries.
const maxChunk = 200

// head starts every answer.
type head struct {
	V    int    `json:"v"`
	ID   string `json:"id"`
	Type string `json:"type"`
}

// The lines of answers; docs/json-lines.schema.json describes them.
type (
	routesLine struct {
		head
		Routes []view.Route `json:"routes"`
	}
	warningLine struct {
		head
		view.Warning
	}
	errorLine struct {
		head
		view.Error
	}
	progressLine struct {
		head
		Done  int    `json:"done"`
		Total int    `json:"total"`
		Phase string `json:"phase"`
	}
	pathsLine struct {
		head
		Paths []view.Path `json:"paths"`
	}
	interfacesLine struct {
		head
		Interfaces []view.Interface `json:"interfaces"`
	}
	nodesLine struct {
		head
		Nodes    []view.Node `json:"nodes"`
		Revision uint64      `json:"revision"`
	}
	auditLine struct {
		head
		Records []view.Record `json:"records"`
	}
	eventLine struct {
		head
		view.Event
	}
	infoLine struct {
		head
		view.Info
	}
	doneLine struct {
		head
		Counts       view.Counts `json:"counts"`
		Acknowledged bool        `json:"acknowledged"`
		Replayed     bool        `json:"replayed,omitempty"` // for a request_id that was known
		Revision     uint64      `json:"revision"`
		More         bool        `json:"more,omitempty"`    // than the limit of the request
		Changed      bool        `json:"changed,omitempty"` // were routes while get read them
	}
)

// write writes one line: an object in pure ASCII.
func (s *session) write(line any) error {
	s.buf.Reset()
	e := json.NewEncoder(&s.buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(line); err != nil {
		return err
	}
	_, err := s.out.Write(ascii(s.buf.Bytes()))
	return err
}

// ascii replaces what is not ASCII by \uXXXX; in JSON such characters are
// inside strings only.
func ascii(line []byte) []byte {
	i := bytes.IndexFunc(line, func(r rune) bool { return r >= 0x7f })
	if i < 0 {
		return line
	}
	const hex = "0123456789abcdef"
	out := append(make([]byte, 0, len(line)+64), line[:i]...)
	unit := func(u uint16) {
		out = append(out, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	for i < len(line) {
		r, size := utf8.DecodeRune(line[i:])
		i += size
		switch {
		case r < 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			a, b := utf16.EncodeRune(r)
			unit(uint16(a))
			unit(uint16(b))
		default:
			unit(uint16(r))
		}
	}
	return out
}

func (r *request) head(kind string) head { return head{V: Version, ID: r.ID, Type: kind} }
