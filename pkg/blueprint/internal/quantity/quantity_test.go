package quantity

import "testing"

func TestCPU(t *testing.T) {
	for text, want := range map[string]int64{"250m": 250, "2": 2000, "0.5": 500, "1.0005": 1001, "0.0001": 1, "1m": 1, "0.5m": 1} {
		if got, err := CPU(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "-1", "+1", "1e3", "1 ", "0", "0m", "2Gi", "1.2.3", ".", "99999999999999"} {
		if got, err := CPU(text); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]int64{"256Mi": 256 << 20, "10Gi": 10 << 30, "1Ki": 1024, "1.5Gi": 3 << 29, "500M": 500e6, "1k": 1000, "123": 123, "1Ti": 1 << 40} {
		if got, err := Bytes(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "Gi", "10GB", "10gi", "-1Gi", "1e9", "0", "100m", "9999Pi"} {
		if got, err := Bytes(text); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}
