package placement_test

import (
	"maps"
	"strings"
	"testing"

	"stampworks.dev/services/provisioner/internal/placement"
)

const gib = 1 << 30

func cell(name string, change func(*placement.Cell)) placement.Cell {
	c := placement.Cell{
		Name: name, Region: "eu", Driver: "local", Reachable: true,
		Allocatable: map[string]int64{"cpu_millis": 8000, "memory_bytes": 8 * gib, "stamps": 10},
		Reserved:    map[string]int64{},
		Programs:    map[string]string{"postgres": "15.18"},
	}
	if change != nil {
		change(&c)
	}
	return c
}

func ask(change func(*placement.Ask)) placement.Ask {
	a := placement.Ask{
		Plan: "standard", Footprint: map[string]int64{"cpu_millis": 500, "memory_bytes": gib, "stamps": 1},
		Drivers: []string{"local"}, Programs: map[string]string{"postgres": ">=15 <16"},
	}
	if change != nil {
		change(&a)
	}
	return a
}

func TestPlace(t *testing.T) {
	used := func(memory int64) func(*placement.Cell) {
		return func(c *placement.Cell) { c.Reserved = map[string]int64{"memory_bytes": memory} }
	}
	for _, c := range []struct {
		name     string
		ask      placement.Ask
		cells    []placement.Cell
		cell     string
		obstacle string
		says     []string
	}{
		{"the one there is", ask(nil), []placement.Cell{cell("a", nil)}, "a", "", nil},
		{"the emptier one", ask(nil), []placement.Cell{cell("a", used(3*gib)), cell("b", used(gib))}, "b", "", nil},
		{"the first of equals", ask(nil), []placement.Cell{cell("a", nil), cell("b", nil)}, "a", "", nil},
		{"exactly full is still room", ask(nil), []placement.Cell{cell("a", used(7*gib))}, "a", "", nil},
		{"the pin", ask(func(a *placement.Ask) { a.Pin = "b" }), []placement.Cell{cell("a", nil), cell("b", used(6*gib))}, "b", "", nil},
		{"the region", ask(func(a *placement.Ask) { a.Region = "us" }), []placement.Cell{cell("a", nil), cell("b", func(c *placement.Cell) { c.Region = "us" })}, "b", "", nil},
		{"none", ask(nil), nil, "", "NO_CELL", []string{"reported"}},
		{"another region", ask(func(a *placement.Ask) { a.Region = "us" }), []placement.Cell{cell("a", nil)}, "", "NO_CELL", []string{`"eu"`, `"us"`}},
		{"only images", ask(func(a *placement.Ask) { a.Drivers = []string{"kubernetes"} }), []placement.Cell{cell("a", nil)}, "", "NO_CELL", []string{"local cell"}},
		{"a cordon", ask(nil), []placement.Cell{cell("a", func(c *placement.Cell) { c.Cordoned, c.CordonReason = true, "new disk" })}, "", "CELL_CORDONED", []string{"new disk"}},
		{"away", ask(nil), []placement.Cell{cell("a", func(c *placement.Cell) { c.Reachable = false })}, "", "CELL_UNREACHABLE", []string{"a: no provisioner"}},
		{"no program", ask(nil), []placement.Cell{cell("a", func(c *placement.Cell) { c.Programs["postgres"] = placement.NoProgram })}, "", "PROGRAM_MISSING", []string{"postgres"}},
		{"a program that was not looked for", ask(nil), []placement.Cell{cell("a", func(c *placement.Cell) { c.Programs = nil })}, "a", "", nil},
		{"another major version", ask(nil), []placement.Cell{cell("a", func(c *placement.Cell) { c.Programs["postgres"] = "16.2" })}, "", "PROGRAM_MISSING", []string{"16.2", ">=15 <16"}},
		{
			"full, by the tightest resource", ask(nil),
			[]placement.Cell{cell("a", used(8*gib-300<<20)), cell("b", used(8*gib))},
			"", "CAPACITY_EXHAUSTED", []string{"standard", "on a memory is short", "1.0 GiB needed", "0.3 GiB free of 8.0 GiB"},
		},
		{"full where it may be, room where it may not", ask(func(a *placement.Ask) { a.Pin = "a" }), []placement.Cell{cell("a", used(8*gib)), cell("b", nil)}, "", "CAPACITY_EXHAUSTED", nil},
		{"a resource that the cell does not give out", ask(func(a *placement.Ask) { a.Footprint["ports"] = 1 }), []placement.Cell{cell("a", nil)}, "", "CAPACITY_EXHAUSTED", []string{"ports", "0 free of 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, obstacle := placement.Place(c.ask, c.cells)
			if got != c.cell || obstacle.GetCode() != c.obstacle {
				t.Fatalf("got %q, %s (%s)", got, obstacle.GetCode(), obstacle.GetMessage())
			}
			for _, s := range c.says {
				if !strings.Contains(obstacle.GetMessage(), s) {
					t.Errorf("%q does not say %q", obstacle.GetMessage(), s)
				}
			}
			if obstacle != nil && obstacle.GetNextAction() == "" {
				t.Error("no next action")
			}
		})
	}
}

// TestPlaceNeverOvercommits fills two cells and counts.
func TestPlaceNeverOvercommits(t *testing.T) {
	cells := []placement.Cell{cell("a", nil), cell("b", nil)}
	placed := 0
	for {
		name, obstacle := placement.Place(ask(nil), cells)
		if obstacle != nil {
			break
		}
		placed++
		for i := range cells {
			if cells[i].Name == name {
				for r, n := range ask(nil).Footprint {
					cells[i].Reserved[r] += n
				}
			}
		}
	}
	if placed != 16 {
		t.Errorf("placed %d, want 16 (8 GiB each)", placed)
	}
	for _, c := range cells {
		for r, n := range c.Reserved {
			if n > c.Allocatable[r] {
				t.Errorf("%s: %s reserved %d of %d", c.Name, r, n, c.Allocatable[r])
			}
		}
	}
}

func TestGrow(t *testing.T) {
	c := cell("a", func(c *placement.Cell) { c.Reserved = map[string]int64{"memory_bytes": 6 * gib} })
	held := map[string]int64{"cpu_millis": 500, "memory_bytes": gib, "stamps": 1}
	bigger := ask(func(a *placement.Ask) { a.Footprint = maps.Clone(held); a.Footprint["memory_bytes"] = 3 * gib })
	if o := placement.Grow(bigger, c, held); o != nil {
		t.Errorf("2 GiB more do not fit into 2 free: %s", o.GetMessage())
	}
	bigger.Footprint["memory_bytes"]++
	if o := placement.Grow(bigger, c, held); o.GetCode() != "CAPACITY_EXHAUSTED" {
		t.Errorf("one byte too much: %v", o)
	}
}
