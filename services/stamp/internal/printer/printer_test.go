package printer

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

var source = View[*registryv1.Source]{
	Name: (*registryv1.Source).GetName,
	Columns: []Column[*registryv1.Source]{
		{Head: "NAME", Cell: (*registryv1.Source).GetDisplayName},
		{Head: "WON", Wide: true, Cell: (*registryv1.Source).GetWon},
	},
}

func TestForms(t *testing.T) {
	item := &registryv1.Source{Name: "sources/crm", DisplayName: "Our\tCRM\x1b[2J", Won: "a\nb"}
	for _, tc := range []struct {
		form Format
		want string
	}{
		{Table, "NAME\nOur CRM?[2J\n"},
		{Wide, "NAME           WON\nOur CRM?[2J  a b\n"},
		{Name, "sources/crm\n"},
	} {
		var out bytes.Buffer
		if err := One(&Printer{Out: &out, Format: tc.form}, source, item); err != nil {
			t.Fatal(err)
		}
		if squeeze(out.String()) != squeeze(tc.want) {
			t.Errorf("%s: got %q, want %q", tc.form, out.String(), tc.want)
		}
	}
}

func squeeze(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestJSONAndYAMLAreTheAPIsOwn(t *testing.T) {
	item := &registryv1.Source{Name: "sources/crm", Mode: registryv1.Source_AUTO, Won: "a\nb"}
	var out bytes.Buffer
	if err := One(&Printer{Out: &out, Format: JSON}, source, item); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"{\n  \"name\": \"sources/crm\",", `"mode": "AUTO"`, `"maxCreatesPerHour": 0`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in %s", want, out.String())
		}
	}
	out.Reset()
	if err := One(&Printer{Out: &out, Format: YAML}, source, item); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "name: sources/crm\n") || !strings.Contains(got, "won: |-\n  a\n  b\n") {
		t.Errorf("got %s", got)
	}
}

func TestParseFormat(t *testing.T) {
	if f, err := ParseFormat(""); f != Table || err != nil {
		t.Errorf("got %v, %v", f, err)
	}
	if _, err := ParseFormat("csv"); err == nil {
		t.Error("csv is only where it is said to be")
	}
	if f, err := ParseFormat("csv", CSV); f != CSV || err != nil {
		t.Errorf("got %v, %v", f, err)
	}
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		0: "0s", 119 * time.Second: "119s", 2 * time.Minute: "2m", 119 * time.Minute: "119m", 2 * time.Hour: "2h", 72 * time.Hour: "3d", -time.Hour: "0s",
	} {
		if got := Age(timestamppb.New(now.Add(-ago)), now); got != want {
			t.Errorf("%v: got %q, want %q", ago, got, want)
		}
	}
	if got := Age(nil, now); got != "" {
		t.Errorf("never: got %q", got)
	}
	for _, tc := range []struct {
		amount float64
		want   string
	}{{0, "0 EUR"}, {999, "999 EUR"}, {48000, "48,000 EUR"}, {1234567.5, "1,234,567.5 EUR"}, {-1000, "-1,000 EUR"}, {-100, "-100 EUR"}} {
		if got := Money(tc.amount, "EUR"); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
	for _, tc := range []struct {
		resource string
		n        int64
		want     string
	}{{"memory_bytes", 160 << 20, "160 MiB"}, {"memory_bytes", 3 << 29, "1.5 GiB"}, {"cpu_millis", 250, "0.25"}, {"stamps", 7, "7"}} {
		if got := Amount(tc.resource, tc.n); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.resource, got, tc.want)
		}
	}
}
