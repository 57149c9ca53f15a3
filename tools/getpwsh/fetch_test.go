package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func release(t *testing.T, names ...string) (data []byte, sum string) {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	files := tar.NewWriter(zipped)
	for _, name := range names {
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 4, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		files.Write([]byte("pwsh"))
	}
	files.Close()
	zipped.Close()
	hash := sha256.Sum256(buf.Bytes())
	return buf.Bytes(), hex.EncodeToString(hash[:])
}

func serve(t *testing.T, data []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }))
	t.Cleanup(server.Close)
	return server.URL
}

func TestFetchChecksTheSum(t *testing.T) {
	data, sum := release(t, "./pwsh", "./Modules/a/b.psd1")
	url := serve(t, data)
	parent := t.TempDir()
	dir := filepath.Join(parent, "pwsh-1")
	err := fetch(t.Context(), url, strings.Repeat("0", 64), dir)
	if err == nil || !strings.Contains(err.Error(), sum) {
		t.Fatalf("a wrong sum: %v", err)
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Fatalf("a refused download leaves %v", left)
	}
	if err := fetch(t.Context(), url, sum, dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "pwsh"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Fatalf("%v %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "Modules/a/b.psd1")); err != nil {
		t.Fatal(err)
	}
}

func TestFetchStaysInItsFolder(t *testing.T) {
	data, sum := release(t, "pwsh", "../evil")
	parent := t.TempDir()
	if err := fetch(t.Context(), serve(t, data), sum, filepath.Join(parent, "in", "pwsh-1")); err == nil {
		t.Fatal("a path outside the folder is accepted")
	}
	if _, err := os.Stat(filepath.Join(parent, "in", "evil")); err == nil {
		t.Fatal("a file was written outside the folder")
	}
}

func TestFetchGivesUp(t *testing.T) {
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(hold)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := fetch(ctx, server.URL, "", filepath.Join(t.TempDir(), "pwsh-1")); err == nil {
		t.Fatal("a silent server is waited for")
	}
}
