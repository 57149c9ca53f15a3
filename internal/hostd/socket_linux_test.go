package hostd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hcsroute/hcsroute/internal/privilege"
)

// nobody is a user that is neither root nor the service, as a group too.
const nobody = 65534

// TestOtherUsersOfTheSocket runs hcsroute as another user: one who may not use
// the socket reads so, and what to do; one who is listed may use it.
func TestOtherUsersOfTheSocket(t *testing.T) {
	if os.Getuid() != 0 || privilege.Alone() {
		t.Skip("only root can connect as another uid")
	}
	for name, tc := range map[string]struct {
		local string
		code  int
		says  []string
	}{
		"closed":       {"", 7, []string{"you may not use the service's socket", "hint: Run as root, or have your uid or gid listed under listen.local.readers, operators or admins"}},
		"not listed":   {"readers: {uids: [4242]}", 7, []string{"uid:65534", "not one of the users that may use the local socket", "hint: Call as root, or add the uid"}},
		"listed":       {"readers: {uids: [65534]}", 0, nil},
		"listed group": {"operators: {gids: [65534]}", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "hcs")
			must(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			must(t, os.Chmod(dir, 0o755)) // others get as far as the socket's folder
			address := "unix://" + filepath.Join(dir, "run", "s.sock")
			config := filepath.Join(dir, "hcsrouted.yaml")
			must(t, os.WriteFile(filepath.Join(dir, "inventory.yaml"), []byte(inventory), 0o600))
			must(t, os.WriteFile(config, []byte("store: {path: db/hcsroute.db}\nlisten:\n  local:\n    address: "+address+"\n    "+tc.local+"\ninventory: {provider: none, file: inventory.yaml}\n"), 0o600))
			stop := serveUntil(t, config)
			for _, args := range [][]string{{"get"}, {"doctor"}} {
				out, code := asNobody(address, args...)
				if code != tc.code && (tc.code != 0 || code == 7) { // the device's only node is not there: doctor complains
					t.Errorf("hcsroute %v: exit code %d, want %d", args, code, tc.code)
				}
				for _, part := range tc.says {
					if !strings.Contains(out, part) {
						t.Errorf("hcsroute %v: want %q in\n%s", args, part, out)
					}
				}
			}
			must(t, stop())
		})
	}
}

// asNobody runs hcsroute as another user, and returns what it says and its
// exit code. The way to it by /proc is open to all, its folder may not be.
func asNobody(address string, args ...string) (string, int) {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env, cmd.Dir = append(os.Environ(), cliVar+"=1", "HCSROUTE_ADDRESS="+address), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return err.Error(), -1
	}
	return string(out), cmd.ProcessState.ExitCode()
}
