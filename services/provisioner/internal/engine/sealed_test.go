package engine_test

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// TestALostKeyFileIsSeen: what runs goes on and says what is wrong, what needs
// secrets waits, and all goes on when the file is brought back.
func TestALostKeyFileIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	r := w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.stop(r)
	if err := os.Rename(w.keyFile, w.keyFile+".away"); err != nil {
		t.Fatal(err)
	}
	keys, err := secrets.OpenKeys(w.keyFile, w.records().Secrets, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = keys.Run(t.Context()) }()
	running := pids(w)
	w.start(options{places: true, box: keys})
	if o := w.untilObstacle("acme", "SECRET_UNREADABLE"); !strings.Contains(o.GetNextAction(), "secrets.key") {
		t.Errorf("obstacle %v", o)
	}
	if now := pids(w); !maps.Equal(now, running) {
		t.Errorf("processes %v, before %v", now, running)
	}
	w.create("globex")
	testkit.Eventually(t, soon, func() error {
		f := w.operation("globex", 1).GetFailure()
		if f.GetCode() != typev1.Failure_SECRET_UNREADABLE || !strings.Contains(f.GetMessage(), "those of acme. No new one is made") {
			return fmt.Errorf("failure %v", f)
		}
		return nil
	})
	if _, err := os.Stat(w.keyFile); !os.IsNotExist(err) {
		t.Errorf("a key file was made: %v", err)
	}
	if err := os.Rename(w.keyFile+".away", w.keyFile); err != nil {
		t.Fatal(err)
	}
	w.until("globex", 1, typev1.OperationMetadata_SUCCEEDED)
	testkit.Eventually(t, soon, func() error {
		if o := w.registry.Tenant("acme").GetStatus().GetObstacles(); len(o) > 0 {
			return fmt.Errorf("obstacles %v", o)
		}
		return nil
	})
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev2 })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
}

// TestRemovedSecretsAreMissed: nothing is rendered without a secret that was made.
func TestRemovedSecretsAreMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	if err := w.records().Secrets.Delete(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev2 })
	testkit.Eventually(t, soon, func() error {
		if f := w.operation("acme", 2).GetFailure(); f.GetCode() != typev1.Failure_SECRET_UNREADABLE {
			return fmt.Errorf("failure %v", f)
		}
		return nil
	})
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
}
