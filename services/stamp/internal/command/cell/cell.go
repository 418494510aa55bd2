// Package cell is the commands `stamp cell …`: the places that hold stamps.
package cell

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp cell`.
func Command(s *session.Session) *cobra.Command {
	return noun.Group("cell", "Places that hold customers' copies: hosts and clusters",
		listCommand(s), cordonCommand(s), uncordonCommand(s))
}

func view(now time.Time) printer.View[*registryv1.Cell] {
	used := func(resource string) func(*registryv1.Cell) string {
		return func(c *registryv1.Cell) string {
			all, known := c.GetStatus().GetAllocatable()[resource]
			if !known {
				return ""
			}
			return printer.Amount(resource, c.GetStatus().GetReserved()[resource]) + " of " + printer.Amount(resource, all)
		}
	}
	return printer.View[*registryv1.Cell]{
		Name: (*registryv1.Cell).GetName,
		Columns: []printer.Column[*registryv1.Cell]{
			{Head: "CELL", Cell: func(c *registryv1.Cell) string { return names.Short(c.GetName()) }},
			{Head: "DRIVER", Cell: (*registryv1.Cell).GetDriver},
			{Head: "REGION", Cell: (*registryv1.Cell).GetRegion},
			{Head: "STATE", Cell: state},
			{Head: "STAMPS", Cell: func(c *registryv1.Cell) string { return fmt.Sprint(c.GetStatus().GetStamps()) }},
			{Head: "CPU", Cell: used("cpu_millis")},
			{Head: "MEMORY", Cell: used("memory_bytes")},
			{Head: "DISK", Wide: true, Cell: used("disk_bytes")},
			{Head: "PORTS", Wide: true, Cell: used("ports")},
			{Head: "ADDRESS", Wide: true, Cell: func(c *registryv1.Cell) string { return c.GetStatus().GetPublicAddress() }},
			{Head: "SEEN", Cell: func(c *registryv1.Cell) string { return printer.Age(c.GetStatus().GetUpdateTime(), now) }},
		},
	}
}

func state(c *registryv1.Cell) string {
	switch {
	case c.GetCordoned() && c.GetCordonReason() != "":
		return "cordoned: " + c.GetCordonReason()
	case c.GetCordoned():
		return "cordoned"
	case !c.GetStatus().GetReachable():
		return "not reachable"
	}
	return "open"
}
