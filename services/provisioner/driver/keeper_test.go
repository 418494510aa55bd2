package driver_test

import (
	"slices"
	"testing"

	"stampworks.dev/services/provisioner/driver"
)

// TestKeptOf: a digest is kept for as long as its backup, so the same files
// have it in every version of the program.
func TestKeptOf(t *testing.T) {
	files := []driver.BackupFile{
		{Path: "parts/"},
		{Path: "parts/one", Size: 1, SHA256: "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"},
		{Path: "dump", Size: 7, SHA256: "45a5c62241eec841f042aee5ae4626a40ea31e8393aa44d0f9ce801d0325ae5d"},
	}
	want := driver.Kept{SizeBytes: 8, Files: 2, Digest: "sha256:0995b6c23351a634009855278c69fc9b4fdbcb551564af6147c055dd22cf0b16"}
	if got := driver.KeptOf(files); got != want {
		t.Errorf("KeptOf = %+v, want %+v", got, want)
	}
	slices.Reverse(files)
	if got := driver.KeptOf(files); got != want {
		t.Errorf("in another order KeptOf = %+v, want %+v", got, want)
	}
	for name, change := range map[string]func(*driver.BackupFile){
		"path": func(f *driver.BackupFile) { f.Path += "x" },
		"size": func(f *driver.BackupFile) { f.Size++ },
		"text": func(f *driver.BackupFile) { f.SHA256 = files[1].SHA256[1:] + "0" },
	} {
		other := slices.Clone(files)
		change(&other[0])
		if got := driver.KeptOf(other); got.Digest == want.Digest {
			t.Errorf("another %s has the same digest", name)
		}
	}
}
