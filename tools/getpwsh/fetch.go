package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

type archive struct{ platform, sha256 string }

// connectTimeout is short: where the network does not allow it, it says so soon.
const connectTimeout = 5 * time.Second

// fetch downloads a .tar.gz, and unpacks it into dir only when its SHA-256 is
// right. dir appears whole or not at all.
func fetch(ctx context.Context, url, want, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(dir), "download-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	got, err := download(ctx, url, file)
	if err != nil {
		return fmt.Errorf("download %s: %w", url, err)
	}
	if got != want {
		return fmt.Errorf("%s has the SHA-256 %s, want %s: not used", url, got, want)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "unpack-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := unpack(file, temp); err != nil {
		return fmt.Errorf("unpack %s: %w", url, err)
	}
	return os.Rename(temp, dir)
}

func download(ctx context.Context, url string, to io.Writer) (sum string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: connectTimeout, ResponseHeaderTimeout: 2 * connectTimeout,
		DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext,
	}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the server answers %s", res.Status)
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(to, hash), res.Body); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// unpack writes the archive's folders, files and links below dir, and nothing outside it.
func unpack(r io.Reader, dir string) error {
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	files := tar.NewReader(zipped)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return os.Chmod(filepath.Join(dir, "pwsh"), 0o755)
		}
		if err != nil {
			return err
		}
		if err := extract(root, h, files); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func extract(root *os.Root, h *tar.Header, data io.Reader) error {
	name := filepath.Clean(h.Name)
	if name == "." {
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
	default:
		return fmt.Errorf("unexpected kind %q", h.Typeflag)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, os.FileMode(h.Mode&0o755))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, data)
	return errors.Join(err, file.Close())
}
