package fleet_test

import (
	"os"
	"testing"

	"github.com/hcsroute/hcsroute/internal/nstest"
)

func TestMain(m *testing.M) { os.Exit(nstest.Main(m)) }
