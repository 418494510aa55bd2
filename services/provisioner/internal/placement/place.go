package placement

import (
	"fmt"
	"strings"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// Place chooses the cell with the most room for the stamp. When there is none
// it gives the obstacle instead: the one that the fewest cells have.
func Place(a Ask, cells []Cell) (string, *typev1.Obstacle) {
	var best, nearest string
	var most int64
	var short Shortage
	out := map[string][]string{}
	for _, c := range cells {
		if x := c.Exclude(a); x != nil {
			out[x.Code] = append(out[x.Code], fmt.Sprintf("%s: %s", c.Name, x.Reason))
			continue
		}
		room, _ := c.Headroom(a.Footprint)
		if room > most {
			best, most = c.Name, room
		}
		if s, lacks := shortage(c, a.Footprint); lacks && (nearest == "" || s.lack() < short.lack()) {
			nearest, short = c.Name, s
		}
	}
	switch {
	case best != "":
		return best, nil
	case nearest != "":
		return "", obstacle(typev1.Failure_CAPACITY_EXHAUSTED.String(), fmt.Sprintf("No cell has room for one more %s copy: on %s %s.", a.Plan, nearest, short))
	}
	return "", excluded(out, len(cells))
}

// excluded is the obstacle when no cell may take the stamp: the most hopeful
// of the reasons.
func excluded(out map[string][]string, cells int) *typev1.Obstacle {
	if cells == 0 {
		return obstacle("NO_CELL", "No cell has been reported yet.")
	}
	for _, code := range []string{"CELL_UNREACHABLE", "CELL_CORDONED", "PROGRAM_MISSING", "NO_CELL"} {
		if reasons := out[code]; len(reasons) > 0 {
			return obstacle(code, fmt.Sprintf("No cell can take it: %s.", strings.Join(reasons[:min(len(reasons), 3)], "; ")))
		}
	}
	return nil
}

var nextActions = map[string]string{
	"CELL_CORDONED": "Uncordon the cell, or add another; the tenant is placed as soon as it may be.",
	"NO_CELL":       "Add a cell that fits, or change the tenant's region, pin or blueprint.",
}

func obstacle(code, message string) *typev1.Obstacle {
	next := nextActions[code]
	if n, ok := typev1.Failure_Code_value[code]; ok {
		next = failure.NextAction(typev1.Failure_Code(n))
	}
	return &typev1.Obstacle{Code: code, Message: message, NextAction: next}
}

// Shortage is a resource of which a cell has too little left.
type Shortage struct {
	Resource         string
	Needs, Free, All int64
}

// String gives the figures, such as "memory is short: 1.5 GiB needed, 0.3 GiB
// free of 6.2 GiB".
func (s Shortage) String() string {
	return fmt.Sprintf("%s is short: %s needed, %s free of %s", Word(s.Resource),
		Amount(s.Resource, s.Needs), Amount(s.Resource, max(s.Free, 0)), Amount(s.Resource, s.All))
}

// lack is which part of what is needed is missing.
func (s Shortage) lack() float64 { return float64(s.Needs-max(s.Free, 0)) / float64(s.Needs) }

// shortage finds the resource that the cell has the least of, by that measure.
func shortage(c Cell, footprint map[string]int64) (Shortage, bool) {
	var worst Shortage
	found := false
	free := c.Free()
	for _, name := range sorted(footprint) {
		s := Shortage{Resource: name, Needs: footprint[name], Free: free[name], All: c.Allocatable[name]}
		if s.Needs > 0 && s.Free < s.Needs && (!found || s.lack() > worst.lack()) {
			worst, found = s, true
		}
	}
	return worst, found
}

// Grow says whether a stamp that holds something of its cell already may hold
// more; the obstacle says what is short.
func Grow(a Ask, c Cell, held map[string]int64) *typev1.Obstacle {
	more := map[string]int64{}
	for name, n := range a.Footprint {
		if n > held[name] {
			more[name] = n - held[name]
		}
	}
	if s, lacks := shortage(c, more); lacks {
		return obstacle(typev1.Failure_CAPACITY_EXHAUSTED.String(), fmt.Sprintf("%s has no room for the %s plan: %s.", c.Name, a.Plan, s))
	}
	return nil
}
