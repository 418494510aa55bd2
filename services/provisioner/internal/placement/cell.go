package placement

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Cell is a place that holds stamps, as far as placing goes.
type Cell struct {
	Name, Region, Driver string
	Cordoned             bool
	CordonReason         string
	// Reachable says that a replica reaches it now.
	Reachable bool
	// Allocatable is all that it gives out, Reserved what stamps hold of it.
	Allocatable, Reserved map[string]int64
	// Programs are the host programs that were looked for, with their versions,
	// [NoProgram] for those that it does not have.
	Programs map[string]string
}

// NoProgram is the version of a program that was looked for and is not there.
const NoProgram = "NONE"

// Ask is what a stamp needs of its cell.
type Ask struct {
	Plan string
	// Region and Pin are where it must be, by id; empty is anywhere.
	Region, Pin string
	// Footprint is what it reserves, by resource.
	Footprint map[string]int64
	// Drivers are the kinds of cell that its artifacts can run on.
	Drivers []string
	// Programs are the host programs that it needs, with the versions that it
	// accepts (empty: any).
	Programs map[string]string
}

// Exclusion is why a cell cannot take a stamp, whatever room it has.
type Exclusion struct {
	// Code is for programs, such as "CELL_CORDONED".
	Code string
	// Reason is for people: it finishes the sentence "cell x is left out: …".
	Reason string
}

// Exclude says why the cell cannot take the stamp; nil when it can.
func (c Cell) Exclude(a Ask) *Exclusion {
	switch {
	case a.Pin != "" && c.Name != a.Pin:
		return &Exclusion{"NO_CELL", fmt.Sprintf("the tenant is pinned to %s", a.Pin)}
	case a.Region != "" && c.Region != a.Region:
		return &Exclusion{"NO_CELL", fmt.Sprintf("it is in region %q, not %q", c.Region, a.Region)}
	case c.Driver != "memory" && !slices.Contains(a.Drivers, c.Driver):
		return &Exclusion{"NO_CELL", fmt.Sprintf("the blueprint has no programs for a %s cell", c.Driver)}
	}
	if missing := c.missing(a.Programs); missing != "" {
		return &Exclusion{"PROGRAM_MISSING", missing}
	}
	switch {
	case c.Cordoned && c.CordonReason != "":
		return &Exclusion{"CELL_CORDONED", "it is cordoned: " + c.CordonReason}
	case c.Cordoned:
		return &Exclusion{"CELL_CORDONED", "it is cordoned"}
	case !c.Reachable:
		return &Exclusion{"CELL_UNREACHABLE", "no provisioner reaches it"}
	}
	return nil
}

func (c Cell) missing(programs map[string]string) string {
	if c.Driver == "memory" {
		return ""
	}
	for _, name := range sorted(programs) {
		version, looked := c.Programs[name]
		if !looked {
			continue // not known: the driver has the last word
		}
		if version == NoProgram {
			return fmt.Sprintf("it has no program %q", name)
		}
		if want := programs[name]; want != "" && !accepts(want, version) {
			return fmt.Sprintf("it has %s %s, the blueprint wants %s", name, version, want)
		}
	}
	return ""
}

// accepts says whether a version such as "15.18" is in a range such as
// ">=15 <16". What cannot be read is accepted: the driver has the last word.
func accepts(want, version string) bool {
	constraint, err := semver.NewConstraint(want)
	if err != nil {
		return true
	}
	for word := range strings.FieldsSeq(version) {
		if v, err := semver.NewVersion(strings.Trim(word, "(),")); err == nil {
			return constraint.Check(v)
		}
	}
	return true
}

// Free is what is left, by resource.
func (c Cell) Free() map[string]int64 {
	free := make(map[string]int64, len(c.Allocatable))
	for name, all := range c.Allocatable {
		free[name] = all - c.Reserved[name]
	}
	return free
}

// Headroom is how many more stamps of that footprint fit, and the resource
// that ends first. A resource that the cell does not give out has no room.
func (c Cell) Headroom(footprint map[string]int64) (int64, string) {
	free := c.Free()
	room, tightest := int64(math.MaxInt32), ""
	for _, name := range sorted(footprint) {
		if footprint[name] <= 0 {
			continue
		}
		if n := max(free[name], 0) / footprint[name]; n < room {
			room, tightest = n, name
		}
	}
	return room, tightest
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// shift changes what is reserved of a cell, so many times.
func shift(reserved, by map[string]int64, times int64) {
	for name, n := range by {
		reserved[name] += times * n
	}
}

// Reserve fills in what the placements reserve of each cell.
func Reserve(cells []Cell, placements []*pb.Placement) []Cell {
	at := map[string]int{}
	for i := range cells {
		cells[i].Reserved = map[string]int64{}
		at[cells[i].Name] = i
	}
	for _, p := range placements {
		if i, ok := at[p.GetCell()]; ok {
			shift(cells[i].Reserved, p.GetReserved(), 1)
		}
	}
	return cells
}
