package failure_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/artifact"
	"stampworks.dev/services/provisioner/internal/failure"
)

// TestArtifactFailures: what the store says of an artifact is its publisher's
// to correct, and is not tried for ever.
func TestArtifactFailures(t *testing.T) {
	dir := t.TempDir()
	save := func(name, text string) (string, string) {
		path, sum := filepath.Join(dir, name), sha256.Sum256([]byte(text))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path, hex.EncodeToString(sum[:])
	}
	missing := httptest.NewServer(http.NotFoundHandler())
	defer missing.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	desk, sum := save("desk", "program")
	broken, brokenSum := save("desk.tar.gz", "no archive")
	unknown, unknownSum := save("desk.rar", "?")
	other := strings.Repeat("0", 64)
	store, err := artifact.Open(artifact.Config{Dir: filepath.Join(dir, "store"), Roots: []string{dir}, PrivateAddresses: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason string
		a      driver.Artifact
	}{
		{"ARTIFACT_DIGEST_MISMATCH", driver.Artifact{File: desk, SHA256: other}},
		{"ARTIFACT_DIGEST_MISSING", driver.Artifact{File: desk}},
		{"ARTIFACT_UNAVAILABLE", driver.Artifact{File: filepath.Join(dir, "nosuch"), SHA256: sum}},
		{"ARTIFACT_UNAVAILABLE", driver.Artifact{File: missing.URL + "/desk", SHA256: sum}},
		{"ARTIFACT_UNAVAILABLE", driver.Artifact{File: gone.URL + "/desk", SHA256: sum}},
		{"ARTIFACT_FORMAT", driver.Artifact{Archive: broken, SHA256: brokenSum}},
		{"ARTIFACT_FORMAT", driver.Artifact{Archive: unknown, SHA256: unknownSum}},
		{"VERSION_INVALID", driver.Artifact{Host: "sh", Version: "newest"}},
		{"ARTIFACT_NOT_LOCAL", driver.Artifact{Image: "desk@sha256:" + other}},
	} {
		_, err := store.Resolve(t.Context(), "desk", c.a)
		if errs.ReasonOf(err) != c.reason {
			t.Errorf("%+v: %v, want %s", c.a, err, c.reason)
		}
		mustBeProducts(t, fmt.Errorf("reserve: %w", err))
	}
	mustBeProducts(t, errs.New(errs.TooLarge, "ARTIFACT_TOO_LARGE", "larger than 4 GiB")) // too large for a test
	full := errs.New(errs.Unavailable, "ARTIFACT_UNAVAILABLE", "fetch: %w", syscall.ENOSPC)
	if f := failure.Of(full, ""); f.GetCode() != typev1.Failure_DISK_FULL {
		t.Errorf("a full disk is %v", f)
	}
}

func mustBeProducts(t *testing.T, err error) {
	t.Helper()
	f := failure.Of(err, "")
	if f.GetCode() != typev1.Failure_ARTIFACT_INVALID || f.GetOwner() != typev1.Failure_PRODUCT || failure.Attempt(f, 3).GetRetryable() {
		t.Errorf("%v is %v, want ARTIFACT_INVALID of PRODUCT, three times", err, f)
	}
}
