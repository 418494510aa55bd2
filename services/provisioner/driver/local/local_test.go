package local_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"stampworks.dev/pkg/testkit"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/drivertest"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/host"
)

func TestMain(m *testing.M) {
	if raceEnabled {
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // the supervisor's, by default a second
	}
	testkit.AtOnce(8)
	code := drivertest.Main(m)
	if programDir != "" {
		_ = os.RemoveAll(programDir)
	}
	os.Exit(code)
}

// programDir has the supervisor, when it was built.
var programDir string

// builtVariable has the supervisor's path when a test runs this binary again.
const builtVariable = "STAMPWORKS_TEST_SUPERVISOR"

// supervisorProgram is built once for all tests of the package, and stamp-host
// beside it.
var supervisorProgram = sync.OnceValues(func() (string, error) {
	if built := os.Getenv(builtVariable); built != "" {
		return built, nil
	}
	dir, err := os.MkdirTemp("", "stampworks-test-")
	if err != nil {
		return "", err
	}
	programDir = dir
	path := filepath.Join(dir, "stamp-supervisor")
	build := exec.Command("go", "build", "-o", dir, "stampworks.dev/services/provisioner/cmd/stamp-supervisor", "stampworks.dev/services/provisioner/cmd/stamp-host")
	if raceEnabled {
		build.Args = slices.Insert(build.Args, 2, "-race")
	}
	out, err := build.CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// suiteDigest is the test binary's own.
var suiteDigest = sync.OnceValues(func() (string, error) {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
})

func config(t *testing.T) local.Config {
	t.Helper()
	program, err := supervisorProgram()
	if err != nil {
		t.Fatal(err)
	}
	c := local.Default()
	// One host file for all tests of the package, and users, addresses and ports
	// that another test process on this machine is not likely to give out as well.
	c.DataDir, c.HostDir = t.TempDir(), filepath.Join(filepath.Dir(program), "host")
	c.UserRange = host.Range{First: 300000 + os.Getpid()%1000*200, Last: 300199 + os.Getpid()%1000*200}
	c.PortRange = host.Range{First: 20000 + os.Getpid()%100*100, Last: 20099 + os.Getpid()%100*100}
	c.AddressPool = fmt.Sprintf("127.%d.0.0/16", 64+os.Getpid()%64)
	c.Supervisor, c.Programs = program, []string{}
	self, err := os.Executable() // the suite's program
	if err != nil {
		t.Fatal(err)
	}
	c.ArtifactRoots = []string{filepath.Dir(self)}
	return c
}

func open(t *testing.T, c local.Config) *local.Driver {
	t.Helper()
	d, err := local.New(c, local.Deps{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func suite(t *testing.T) driver.Artifact {
	t.Helper()
	digest, err := suiteDigest()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return driver.Artifact{File: self, SHA256: digest}
}

func fixture(t *testing.T, c local.Config) drivertest.Fixture {
	d := open(t, c)
	return drivertest.Fixture{
		Driver: d,
		Reopen: func(t *testing.T) driver.Driver { return open(t, c) },
		Kill: func(t *testing.T, ref driver.Ref, component string) {
			o, err := d.Observe(t.Context(), ref)
			if err != nil || len(o.Components[component].PIDs) == 0 {
				t.Fatalf("observe %s: %+v, %v", component, o, err)
			}
			for _, pid := range o.Components[component].PIDs {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
		},
		Damage: func(t *testing.T, of driver.BackupRef) {
			file := filepath.Join(c.DataDir, "backups", of.Tenant+"."+of.UID, of.ID, "files", "dump")
			if err := os.WriteFile(file, []byte("Tickets"), 0o600); err != nil {
				t.Error(err)
			}
		},
		Pin: func(t *testing.T, site driver.Site, _ driver.Ref) (string, func()) {
			dir := filepath.Join(site.Volumes["a.data"], "busy")
			return dir, drivertest.Busy(t, dir)
		},
		Small:    func(t *testing.T) driver.Driver { return open(t, small(config(t), c.Unisolated)) },
		Artifact: suite(t),
	}
}

// small has one public port. Which, is nobody else's on this machine: tests that
// run at once have the same range.
func small(c local.Config, unisolated bool) local.Config {
	port := 25000 + int(smallCells.Add(1)) + os.Getpid()%100*20
	c.PortRange, c.Unisolated = host.Range{First: port, Last: port}, unisolated
	return c
}

var smallCells atomic.Int64

func TestConformance(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) drivertest.Fixture { return fixture(t, config(t)) })
}

func TestConformanceUnisolated(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) drivertest.Fixture {
		c := config(t)
		c.Unisolated = true
		return fixture(t, c)
	})
}

// TestConformanceWithoutRoot runs the suite again as a user who is nobody.
func TestConformanceWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root to become another user; the other tests run without root already")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "stampworks-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program, err := supervisorProgram()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{
		"stamp-supervisor": program, "stamp-host": filepath.Join(filepath.Dir(program), "stamp-host"), "again.test": self,
	} {
		// Not by this process: what it starts meanwhile would hold the file open for
		// writing, and nobody could run it.
		if out, err := exec.CommandContext(t.Context(), "cp", from, filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "again.test"), "-test.run=^(TestConformance|TestWithoutIsolation|TestKilledSupervisorIsReplaced|TestSupervisorKilledInSetup|TestJob.*|TestDestroyLeavesNothing|TestFetchedBelongsToTheStamp|TestStampLinksToRootsFiles|TestCrashWhileReplacing|TestChangedFilesAreSeen|TestEditedManifest.*|TestMissingDirectories.*|TestLostVolume.*)$", "-test.v")
	cmd.Dir = dir // the host file is beside the supervisor: its own
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + dir, builtVariable + "=" + filepath.Join(dir, "stamp-supervisor")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestConformance (") || !strings.Contains(string(out), "--- PASS: TestWithoutIsolation (") {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}
