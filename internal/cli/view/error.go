package view

import "github.com/hcsroute/hcsroute/routes"

// Error is a refusal, with its place in the one table: exit code of the CLI,
// id and category of PowerShell.
type Error struct {
	Index    *int              `json:"index,omitempty"`
	Reason   string            `json:"reason"`
	ErrorID  string            `json:"error_id"`
	Category string            `json:"category"`
	Exit     int               `json:"exit"`
	Field    string            `json:"field,omitempty"`
	Value    string            `json:"value,omitempty"`
	Problem  string            `json:"problem,omitempty"`
	Message  string            `json:"message"`
	Remedy   string            `json:"remedy,omitempty"`
	Params   map[string]string `json:"params,omitempty"`
	Related  []string          `json:"related,omitempty"`
	Fatal    bool              `json:"fatal,omitempty"`
}

// FromError converts a refusal.
func FromError(e *routes.Error) Error {
	info, _ := e.Reason.Info()
	return Error{
		Reason: string(e.Reason), ErrorID: e.Reason.ErrorID(), Category: info.Category, Exit: int(info.Exit),
		Field: e.Field, Value: e.Value, Problem: e.Problem, Message: e.Message(), Remedy: e.Remedy(),
		Params: e.Params, Related: e.Related,
	}
}
