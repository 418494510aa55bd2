package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/stamp/internal/printer"
)

// components is what there is of each, and what its probe saw last.
func (e *everything) components(now time.Time) []string {
	if len(e.stamp.GetComponents()) == 0 {
		return nil
	}
	rows := [][]string{{"NAME", "RUNNING", "RESTARTS", "SINCE", "HEALTH", "ADDRESS", "LAST ANSWER"}}
	for _, c := range e.stamp.GetComponents() {
		check := e.check(c.GetName())
		answer := check.GetMessage()
		if !c.GetRunning() && c.GetLastExit() != "" {
			answer = c.GetLastExit()
		}
		var addresses []string
		for _, port := range slices.Sorted(maps.Keys(c.GetAddresses())) {
			addresses = append(addresses, c.GetAddresses()[port])
		}
		rows = append(rows, []string{
			c.GetName(), running(c), fmt.Sprint(c.GetRestarts()), printer.Age(c.GetStartTime(), now), health(check), strings.Join(addresses, " "), answer,
		})
	}
	if end := e.health.GetEndpoint(); end != nil {
		rows = append(rows, []string{"endpoint", "", "", "", health(end), "", end.GetMessage()})
	}
	return printer.Align("", rows)
}

func (e *everything) check(name string) *healthv1.CheckHealth {
	for _, c := range e.health.GetComponents() {
		if c.GetName() == name {
			return c
		}
	}
	return nil
}

func health(c *healthv1.CheckHealth) string {
	if c == nil {
		return ""
	}
	return c.GetState().String()
}

// running says whether a component does what it is meant to.
func running(c *provisionerv1.ComponentStatus) string {
	switch {
	case c.GetRunning():
		return "yes"
	case c.GetWanted():
		return "NO"
	}
	return "no"
}
