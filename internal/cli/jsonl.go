package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/jsonl"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) jsonlCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "jsonl",
		Short: "Answer requests as JSON lines, for scripts",
		Long: `Reads requests from standard input and writes answers to standard output, one
JSON object on each line. The contract is docs/json-lines.md.`,
		Example: `  printf '%s\n' '{"v":1,"id":"1","op":"get"}' | hcsroute jsonl`,
		Args:    noneBut(func(file string) string { return "'hcsroute jsonl < " + file + "'" }),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial(nil)
			if err != nil {
				return a.jsonlFatal(err)
			}
			defer func() { _ = c.Close() }()
			err = jsonl.Run(cmd.Context(), jsonl.Options{In: a.In, Out: a.Out, Client: c})
			return written(err)
		},
	}
}

// jsonlFatal answers with the contract's fatal error when there is not even a client.
func (a *app) jsonlFatal(err error) error {
	e := routes.AsError(err, routes.BadRequest)
	if err := jsonl.Fatal(a.Out, e); err != nil {
		return err
	}
	return written(e)
}

// written turns an error that was answered as a JSON line into its exit code.
func written(err error) error {
	var e *routes.Error
	if !errors.As(err, &e) {
		return err
	}
	info, _ := e.Reason.Info()
	return exitCode(info.Exit)
}
