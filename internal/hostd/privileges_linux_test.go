package hostd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// TestLeastPrivilege: whoever starts the service, it runs without any
// capability and cannot get one, and works.
func TestLeastPrivilege(t *testing.T) {
	config, socket := device(t)
	must(t, os.Chmod(filepath.Join(filepath.Dir(config), "inventory.yaml"), 0o606))
	var log logFile
	cmd := exec.Command("/proc/self/exe", "--config", config)
	cmd.Env, cmd.Stderr = append(os.Environ(), serviceVar+"=1"), &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // by the signal: nothing here waits for it
	}()
	log.await(t, "msg=ready")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	must(t, err)
	for _, want := range []string{"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(string(status), want+"\n") {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	if os.Getuid() == 0 && !strings.Contains(string(status), "CapBnd:\t0000000000000000\n") {
		t.Errorf("the bounding set of root is not empty:\n%s", status)
	}
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	info, err := pb.NewMaintenanceServiceClient(conn).GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
	must(t, err)
	if !strings.Contains(info.InventoryProblem, "every user can change") {
		t.Errorf("an inventory that everybody can edit: %q", info.InventoryProblem)
	}
}
