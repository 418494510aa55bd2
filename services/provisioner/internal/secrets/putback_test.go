package secrets_test

import (
	"bytes"
	"errors"
	"testing"

	"stampworks.dev/pkg/secretbox"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// TestPutBack: in the middle of a rotation two versions are there, and both come
// back as they were sealed.
func TestPutBack(t *testing.T) {
	v, guard, _ := vault(t)
	if _, err := v.Make(t.Context(), "acme", "u1", map[string]int{"a": 16}, guard); err != nil {
		t.Fatal(err)
	}
	if err := v.Renew(t.Context(), "acme", "u1", "a", 2, 16, guard); err != nil {
		t.Fatal(err)
	}
	before, err := v.Read(t.Context(), "acme", "u1")
	if err != nil {
		t.Fatal(err)
	}
	sealed, versions := secrets.Sealed(before)
	if len(sealed) != 2 || versions["a"] != 1 || bytes.Contains(sealed["a@1"], []byte(before["a"].Value)) {
		t.Fatalf("sealed %q, versions %v", sealed, versions)
	}
	if err := v.Sealed.Delete(t.Context(), "acme", guard); err != nil {
		t.Fatal(err)
	}
	right := v.Box
	if v.Box, err = secretbox.Open(t.TempDir() + "/other.key"); err != nil {
		t.Fatal(err)
	}
	var f *failure.Error
	if _, err := v.PutBack(t.Context(), "acme", "u1", sealed, versions, guard); !errors.As(err, &f) || f.Failure.GetCode() != typev1.Failure_SECRET_UNREADABLE {
		t.Errorf("with another key file: %v, want SECRET_UNREADABLE", err)
	}
	v.Box = right
	for range 2 {
		if got, err := v.PutBack(t.Context(), "acme", "u1", sealed, versions, guard); err != nil || got["a"] != 1 {
			t.Errorf("put back: %v, %v", got, err)
		}
	}
	after, err := v.Read(t.Context(), "acme", "u1")
	if err != nil || len(after) != 2 || after["a"] != before["a"] || after["a@2"] != before["a@2"] {
		t.Errorf("put back %v, before %v, %v", after, before, err)
	}
	if _, err := v.PutBack(t.Context(), "acme", "u2", nil, nil, guard); err == nil {
		t.Error("secrets of another tenant of that id were taken")
	}
}
