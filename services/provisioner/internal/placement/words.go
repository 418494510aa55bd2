package placement

import (
	"fmt"
	"strings"
)

// Word is what people call a resource: "memory" for memory_bytes.
func Word(resource string) string {
	switch resource {
	case "cpu_millis":
		return "CPU"
	case "memory_bytes":
		return "memory"
	case "disk_bytes":
		return "disk"
	}
	return strings.ReplaceAll(resource, "_", " ")
}

// Amount is an amount of a resource with its unit.
func Amount(resource string, n int64) string {
	switch resource {
	case "cpu_millis":
		return fmt.Sprintf("%.2g cores", float64(n)/1000)
	case "memory_bytes", "disk_bytes":
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprint(n)
}
