package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// The kernel's least and most weight, and that of one core, which a group has
// that nobody gave one.
var (
	leastWeight = map[Version]int64{V1: 2, V2: 1}
	coreWeight  = map[Version]int64{V1: 1024, V2: 100}
	mostWeight  = map[Version]int64{V1: 262144, V2: 10000}
)

func (t Tree) weightFile() string {
	if t.Version == V1 {
		return "cpu.shares"
	}
	return "cpu.weight"
}

// weight is by what is reserved, as Kubernetes has it: where all want the
// processor at once, a component has of it what it was placed for, and the
// others get no more of what is left than it does, compared to theirs.
func (t Tree) weight(l Limits) int64 {
	weight := coreWeight[t.Version]
	if l.CPUShareMillis > 0 {
		weight = l.CPUShareMillis * weight / 1000
	}
	return t.bounded(weight)
}

func (t Tree) bounded(weight int64) int64 {
	return min(max(weight, leastWeight[t.Version]), mostWeight[t.Version])
}

// sharing is held from the sum to where it goes: a supervisor starts its stamp's
// components side by side, and the last to sum up must have counted all.
var sharing sync.Mutex

// share gives the stamp the weights of its components together: one with many
// of them counts as many, so that none of them waits for what another stamp has
// beyond its share.
func (t Tree) share() error {
	sharing.Lock()
	defer sharing.Unlock()
	root := t.root(t.weightFile())
	files, err := filepath.Glob(filepath.Join(root, t.Name, "*", t.weightFile()))
	if err != nil {
		return err
	}
	var sum int64
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the component was removed since
		}
		weight, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			return err
		}
		sum += weight
	}
	return put(filepath.Join(root, t.Name, t.weightFile()), strconv.FormatInt(t.bounded(sum), 10))
}
