package routes

import (
	"errors"
	"strings"
)

// Error is the one error type of the project. It says what was wrong, with the
// offending value, and what to do.
type Error struct {
	Reason Reason
	// Field is the parameter at fault in the API's words: destination,
	// next_hop, interface, metric, request_id, ...; empty where none is.
	Field string
	// Value is the offending value as it was given.
	Value string
	// Problem is what is wrong with it, a clause without a full stop.
	Problem string
	// Action is what to do; empty takes the table's.
	Action string
	// Params are the dynamic parts of Problem and Action by name, for messages
	// in other languages (prefix, suggestion, other, limit, ...).
	Params map[string]string
	// Related lists routes or names the operator may choose from.
	Related []string
	// Cause is the error below, where there is one.
	Cause error
}

// Error gives the whole message in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message())
	if action := e.Remedy(); action != "" {
		b.WriteString(". ")
		b.WriteString(action)
	}
	return strings.TrimSuffix(b.String(), ".")
}

// Message says what was wrong, with the offending value.
func (e *Error) Message() string {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(e.Field, "_", " "))
	if e.Field != "" && e.Value != "" {
		b.WriteByte(' ')
	}
	b.WriteString(e.Value)
	if e.Field != "" || e.Value != "" {
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	for i, r := range e.Related {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(r)
	}
	return b.String()
}

// Remedy says what to do.
func (e *Error) Remedy() string {
	if e.Action != "" {
		return e.Action
	}
	info, _ := e.Reason.Info()
	return info.Action
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is matches another *Error by Reason, so that errors.Is(err, &Error{Reason: X}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// ReasonOf returns the Reason in err's chain, or "" where there is none.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// AsError returns err's *Error, or wraps err in one of the given Reason.
func AsError(err error, otherwise Reason) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Reason: otherwise, Problem: err.Error(), Cause: err}
}
