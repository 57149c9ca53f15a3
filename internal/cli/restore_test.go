package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/store/boltstore"
)

// TestRestoreIntoTheServicesStore: where the store is says the service's
// configuration, and the answer names it; another place is refused.
func TestRestoreIntoTheServicesStore(t *testing.T) {
	dir := t.TempDir()
	backup, store, conf := filepath.Join(dir, "backup.db"), filepath.Join(dir, "elsewhere", "routes.db"), filepath.Join(dir, "hcsrouted.yaml")
	db, err := boltstore.Open(backup, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := db.Info().Version
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte("store: {path: elsewhere/routes.db}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	variable := ""
	restore := func(environ string, args ...string) (string, int) {
		var out bytes.Buffer
		code := Main(context.Background(), Streams{In: strings.NewReader(""), Out: &out, Err: &out, Getenv: func(name string) string {
			return map[string]string{"HCSROUTED_CONFIG": environ, "HCSROUTED_STORE_PATH": variable}[name]
		}}, append([]string{"restore", backup, "--yes"}, args...))
		return out.String(), code
	}
	other := filepath.Join(dir, "other.db")
	if out, code := restore(conf, "--store", other); code != 2 || !strings.Contains(out, "not the service's store") || !strings.Contains(out, store) {
		t.Errorf("exit %d: %s", code, out)
	}
	if _, err := os.Lstat(other); err == nil {
		t.Error("it was written all the same")
	}
	for _, args := range [][]string{{"--config", conf}, {"--store", store}} {
		if out, code := restore(conf, args...); code != 0 || !strings.Contains(out, "to "+store) {
			t.Fatalf("exit %d: %s", code, out)
		}
	}
	if out, code := restore("", "--config", conf); code != 0 || !strings.Contains(out, store+".before-restore.2") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := restore("", "--config", filepath.Join(dir, "missing.yaml")); code != 2 || !strings.Contains(out, "missing.yaml") {
		t.Errorf("exit %d: %s", code, out)
	}
	// The variable wins over the file, as it does for the service.
	variable = other
	for _, environ := range []string{conf, filepath.Join(dir, "none.yaml")} {
		if out, code := restore(environ, "--store", store); code != 2 || !strings.Contains(out, "HCSROUTED_STORE_PATH") || !strings.Contains(out, other) {
			t.Errorf("exit %d: %s", code, out)
		}
		if out, code := restore(environ, "--store", other); code != 0 || !strings.Contains(out, "to "+other) {
			t.Errorf("exit %d: %s", code, out)
		}
	}
	if out, code := restore(conf); code != 0 || !strings.Contains(out, "to "+other) {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := restore("", "--config", conf, "--store", other); code != 0 || !strings.Contains(out, other+".before-restore.3") {
		t.Errorf("exit %d: %s", code, out)
	}
	if _, err := os.Lstat(store + ".before-restore.3"); err == nil {
		t.Error("the file's store was written all the same")
	}
	db, err = boltstore.Open(store, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := db.Info().Version; got.StoreID != want.StoreID {
		t.Errorf("%+v, want %+v", got, want)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
