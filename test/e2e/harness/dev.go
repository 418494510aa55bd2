package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"stampworks.dev/pkg/testkit"
)

// Dev is `stamp dev` in a folder of its own, on a free port.
type Dev struct {
	*Process
	// API is the last run's, whose port is new each time.
	API *API
}

// NewDev prepares it on an empty data folder, and ends its stamps with the test.
func NewDev(t testing.TB) *Dev {
	t.Helper()
	dir := Dir(t)
	t.Cleanup(func() { EndStamps(t, filepath.Join(dir, "data", "provisioner", "cell")) })
	return &Dev{Process: newProcess(t, dir, "dev", program(t, "stamp"), "dev", "--listen", "127.0.0.1:0", "--data-dir", "data")}
}

// CellDir is where its stamps are.
func (d *Dev) CellDir() string { return filepath.Join(d.dir, "data", "provisioner", "cell") }

// Start starts it and waits until it is ready.
func (d *Dev) Start() {
	d.t.Helper()
	file := filepath.Join(d.dir, ".stamp", "client.json")
	_ = os.Remove(file) // the last run's
	d.Process.Start()
	testkit.Eventually(d.t, readyWithin, func() error {
		if err := d.Alive(); err != nil {
			d.t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var at struct{ Address, Token string }
		if err := json.Unmarshal(text, &at); err != nil {
			return err
		}
		d.API = NewAPI(d.t, at.Address, at.Token)
		answer, err := d.API.try(http.MethodGet, "/readyz", nil)
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("readyz answers %d %s", answer.Status, answer.Body)
		}
		return err
	})
}
