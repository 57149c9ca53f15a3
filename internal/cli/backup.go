package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) backupCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Copy the store while it is in use", Args: oneArgument,
		Long: "Writes a consistent copy of the store: routes, known nodes and audit. The file appears once it is whole and durable.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := os.Lstat(args[0]); err == nil && !force {
				return backupExists(args[0])
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			return a.backup(cmd.Context(), c, args[0], force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the file")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

func backupExists(path string) error {
	return &routes.Error{Reason: routes.BadRequest, Field: "file", Value: path, Problem: "it exists", Action: "Use another name, or --force to replace it"}
}

// backup writes to a file beside, checks its sum and puts it in its place.
func (a *app) backup(ctx context.Context, c *client.Client, path string, force bool) (err error) {
	fail := func(err error) error {
		return &routes.Error{Reason: routes.BadRequest, Field: "file", Value: path, Problem: rootProblem(err), Action: "Use a folder that can be written, with space for the store", Cause: err}
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".hcsroute-backup-*") // 0600
	if err != nil {
		return fail(err)
	}
	defer func() {
		_ = file.Close()
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	last, size, err := receive(ctx, c, file)
	if err != nil {
		var onDisk *os.PathError
		if errors.As(err, &onDisk) {
			return fail(err)
		}
		return c.Explain(err)
	}
	if err := file.Sync(); err != nil {
		return fail(err)
	}
	if err := file.Close(); err != nil {
		return fail(err)
	}
	put := putNew
	if force {
		put = os.Rename
	}
	switch err := put(file.Name(), path); {
	case errors.Is(err, fs.ErrExist) && !force:
		return backupExists(path)
	case err != nil:
		return fail(err)
	}
	if a.structured() {
		return a.object(map[string]any{"file": path, "bytes": size, "sha256": last.GetSha256(), "revision": last.GetRevision()})
	}
	_, err = fmt.Fprintf(a.Out, "%s: %d bytes, revision %d, SHA-256 %s\n", path, size, last.GetRevision(), last.GetSha256())
	return err
}

// putNew gives temp the name path where no file has it, ErrExist otherwise: a
// look beforehand does not see a file that is made while the backup arrives.
func putNew(temp, path string) error {
	err := os.Link(temp, path)
	switch {
	case err == nil:
		_ = os.Remove(temp) // the backup is there, whatever becomes of its other name
		return nil
	case errors.Is(err, fs.ErrExist):
		return err
	}
	return putReserved(temp, path)
}

// putReserved is for file systems without hard links, such as those of many USB
// sticks: it takes the name with an empty file and replaces that. A crash in between leaves
// an empty file, which no restore takes.
func putReserved(temp, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = file.Close(); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// receive writes the stream to w and compares its sum with the service's.
func receive(ctx context.Context, c *client.Client, w io.Writer) (last *pb.BackupResponse, size int64, err error) {
	stream, err := c.Maintenance.Backup(ctx, &pb.BackupRequest{})
	if err != nil {
		return nil, 0, err
	}
	hash := sha256.New()
	for {
		p, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		hash.Write(p.GetData())
		n, err := w.Write(p.GetData())
		if err != nil {
			return nil, 0, err
		}
		last, size = p, size+int64(n)
	}
	if last == nil || last.GetSha256() != hex.EncodeToString(hash.Sum(nil)) {
		return nil, 0, &routes.Error{Reason: routes.Unavailable, Field: "backup", Problem: "the copy did not arrive whole", Action: "Repeat the backup"}
	}
	return last, size, nil
}
