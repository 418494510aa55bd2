package printer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// Age says how long ago something was, in its greatest unit: "12s", "5m",
// "3h", "9d".
func Age(at *timestamppb.Timestamp, now time.Time) string {
	if at == nil {
		return ""
	}
	d := max(now.Sub(at.AsTime()), 0)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// Money writes an amount as people do: "48,000 EUR".
func Money(amount float64, currency string) string {
	if amount == 0 && currency == "" {
		return ""
	}
	digits := strconv.FormatFloat(amount, 'f', -1, 64)
	whole, rest, _ := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return strings.TrimSpace(whole + " " + currency)
}

// Amount writes a resource's amount in the unit that its name says.
func Amount(resource string, n int64) string {
	switch {
	case strings.HasSuffix(resource, "_bytes"):
		return size(n)
	case strings.HasSuffix(resource, "_millis"):
		return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64)
	}
	return strconv.FormatInt(n, 10)
}

func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	amount, unit := float64(n), 0
	for amount >= 1024 && unit < len(units)-1 {
		amount, unit = amount/1024, unit+1
	}
	if amount >= 100 || amount == float64(int64(amount)) {
		return fmt.Sprintf("%.0f %s", amount, units[unit])
	}
	return fmt.Sprintf("%.1f %s", amount, units[unit])
}

// Resource is a resource's name without its unit: "memory", "cpu".
func Resource(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, "_bytes"), "_millis")
}
