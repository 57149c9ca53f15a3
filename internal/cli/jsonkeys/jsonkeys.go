// Package jsonkeys checks the names of JSON fields, as they are written. The
// decoder of the standard library accepts any case of a known name, and of a
// name that is given twice takes the last: what was meant is not known then.
package jsonkeys

import (
	"slices"
	"strings"
)

// Fault is the first name that is wrong.
type Fault struct {
	Name   string // of any length
	Twice  bool   // within one object; else the name does not belong there
	Depth  int    // as in Check
	Offset int    // in bytes
}

// Check compares the names of all fields with those that are allowed at a
// depth, each with a space on both sides; an object that is in nothing has
// depth 1. nil is no fault. The value is valid JSON.
func Check(value []byte, allowed func(depth int) string) *Fault {
	type level struct {
		object bool
		seen   []string
	}
	var open []level
	depth := 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '{', '[':
			if depth == len(open) {
				open = append(open, level{})
			}
			open[depth] = level{value[i] == '{', open[depth].seen[:0]}
			depth++
		case '}', ']':
			depth--
		case '"':
			start, end := i+1, stringEnd(value, i)
			i = end
			if depth == 0 || !open[depth-1].object || !beforeColon(value, end+1) {
				continue
			}
			name, in := string(value[start:end]), &open[depth-1]
			switch {
			case !strings.Contains(allowed(depth), " "+name+" "):
				return &Fault{Name: name, Depth: depth, Offset: start}
			case slices.Contains(in.seen, name):
				return &Fault{Name: name, Twice: true, Depth: depth, Offset: start}
			}
			in.seen = append(in.seen, name)
		}
	}
	return nil
}

// stringEnd is the place of the quote that ends the string starting at i.
func stringEnd(value []byte, i int) int {
	for i++; i < len(value)-1 && value[i] != '"'; i++ {
		if value[i] == '\\' {
			i++
		}
	}
	return i
}

func beforeColon(value []byte, i int) bool {
	for ; i < len(value); i++ {
		switch value[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return value[i] == ':'
		}
	}
	return false
}
