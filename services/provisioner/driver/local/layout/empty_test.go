package layout

import (
	"os"
	"path/filepath"
	"testing"
)

func TestEmptyVolumeFollowsNoLink(t *testing.T) {
	s := Stamp(filepath.Join(t.TempDir(), "acme"))
	if err := s.Make(0); err != nil {
		t.Fatal(err)
	}
	if err := s.MakeComponent("db", []string{"data", "other"}, 0); err != nil {
		t.Fatal(err)
	}
	c, outside := s.Component("db"), t.TempDir()
	kept := []string{filepath.Join(outside, "kept"), filepath.Join(c.Volume("other"), "kept")}
	for _, file := range append([]string{filepath.Join(c.Volume("data"), ".hidden"), filepath.Join(c.Volume("data"), "pg", "deep", "file")}, kept...) {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("x"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"out": outside, "beside": "../other", "pg/deep/out": outside, "dangling": "nosuch"} {
		if err := os.Symlink(target, filepath.Join(c.Volume("data"), name)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := c.EmptyVolume("data"); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(c.Volume("data")); err != nil || len(left) != 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	for _, file := range kept {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("outside of the volume: %v", err)
		}
	}
	if err := c.EmptyVolume("nosuch"); err != nil {
		t.Errorf("no such volume: %v", err)
	}
	if err := os.Symlink(outside, c.Volume("evil")); err != nil {
		t.Fatal(err)
	}
	if err := c.EmptyVolume("evil"); err == nil {
		t.Error("a volume that is a link out of the stamp was emptied")
	}
	if err := c.EmptyVolume("../files"); err == nil {
		t.Error("a volume that is elsewhere was emptied")
	}
}
