package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"stampworks.dev/services/provisioner/driver/local/process"
)

// End kills all processes of a leaf and returns when none is left.
func (g Group) End(ctx context.Context, leaf string) error {
	known := map[int]process.Identity{}
	left := func() ([]int, error) { return g.left(leaf, known), nil }
	if all, _ := left(); len(all) > 0 && g.kill {
		if err := g.killAll(leaf); err != nil {
			return err
		}
	}
	return process.EndAll(ctx, left)
}

// killAll is the kernel's own way, since Linux 5.14: nothing forks away from it.
func (g Group) killAll(leaf string) error {
	for _, dir := range g.dirs {
		err := put(filepath.Join(dir, leaf, "cgroup.kill"), "1")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("end control group: %w", err)
		}
	}
	return nil
}

// left lists the processes of a leaf, and those that have left it by ending but
// still hold what they had: a process leaves its group before it closes its
// files.
func (g Group) left(leaf string, known map[int]process.Identity) []int {
	var all []int
	now := map[int]bool{}
	for _, file := range g.ProcFiles(leaf) {
		for _, word := range listed(file) {
			pid, err := strconv.Atoi(word)
			if err != nil || pid <= 1 || now[pid] {
				continue
			}
			if id, err := process.Of(pid); err == nil {
				known[pid] = id
			}
			now[pid], all = true, append(all, pid)
		}
	}
	for pid, id := range known {
		if !now[pid] && id.Alive() {
			all = append(all, pid)
		}
	}
	return all
}
