// Command errordoc prints docs/errors.md from the tables of reasons, causes and warnings.
package main

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/hcsroute/hcsroute/routes"
)

func main() {
	fmt.Print(`# Errors, causes and warnings

Generated from the tables in ` + "`routes/reason.go`, `cause.go` and `warning.go`" + ` by
` + "`make generate`" + `; do not edit.

Every refusal carries a Reason. Scripts match on it (or on the exit code or the
PowerShell error id, which are derived from it), never on text.

| Reason | gRPC code | CLI exit | PowerShell error id | Category | Meaning | What to do |
|---|---|---|---|---|---|---|
`)
	for _, row := range routes.Reasons() {
		fmt.Printf("| `%s` | %s | %d | `%s` | %s | %s | %s |\n", row.Reason, codes.Code(row.Code), row.Exit, row.Reason.ErrorID(), row.Category, row.Meaning, row.Action)
	}
	fmt.Print(`
In PowerShell the ` + "`FullyQualifiedErrorId`" + ` is the error id, a comma and the
cmdlet: ` + "`InterfaceNotStatic,Add-HcsNetRoute`" + `. Over gRPC the Reason is in
` + "`google.rpc.ErrorInfo`" + ` (domain ` + "`hcsroute`" + `) and, with everything else, in the
detail ` + "`hcsroute.v1.Error`" + `.

## Exit codes of the CLI

| Exit | Class |
|---|---|
| 0 | done |
| 1 | internal error |
| 2 | usage: the command line or the request is malformed |
| 3 | invalid: the route itself is refused |
| 4 | conflict with another route, revision or request |
| 5 | not found |
| 6 | the interface is refused |
| 7 | permission |
| 8 | the service or its inventory is unavailable |
| 9 | stored, but not programmed in every node in time |
| 10 | the store cannot write |

## Causes and conditions

Why a node does not have a route (causes), or what stands beside PROGRAMMED
(conditions: SHADOWED, SHARED, STANDBY). Most mend themselves once what they name is
mended. ` + "`fail`" + `: a kernel lacks the route, or keeps one that was removed; ` + "`ok`" + `: nobody
has to act.

| Code | Severity | Meaning | What to do |
|---|---|---|---|
`)
	for _, row := range routes.Causes() {
		fmt.Printf("| `%s` | %s | %s | %s |\n", row.Code, row.Severity, row.Meaning, row.Remedy)
	}
	fmt.Print(`
NO_NODE_NIC is no failure where the port has no external switch or no node is known.

## Warnings

Warnings never block. They come with add and get, and stand in the status.

| Warning | Severity | Meaning | What to do |
|---|---|---|---|
`)
	for _, row := range routes.Warnings() {
		fmt.Printf("| `%s` | %s | %s | %s |\n", row.Code, row.Severity, row.Meaning, row.Remedy)
	}
}
