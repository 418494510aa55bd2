package blueprint_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/blueprint"
)

// TestHostileBlueprints: what is made to be slow is refused in good time.
func TestHostileBlueprints(t *testing.T) {
	const head = "blueprint: shop\nrevision: 1.0.0\nartifacts: {shop: {host: shop}}\n"
	const web = "components:\n  web:\n    artifact: shop\n    run: shop serve\n"
	var plans, values strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&plans, "  p%d: {}\n", i)
	}
	for i := range 200 {
		fmt.Fprintf(&values, "  v%d: ${values.v%d}${values.v%d}\n", i, i+1, i+1)
	}
	for name, src := range map[string]string{
		"plans":       head + "plans:\n" + plans.String() + web,
		"undefined":   head + "plans: {small: {}}\n" + web + "    env: {A: \"" + strings.Repeat("${nothing}", 6000) + "\"}\n",
		"brackets":    "components: " + strings.Repeat("[", 60_000),
		"parentheses": head + "plans: {small: {}}\n" + web + "    env: {A: \"${" + strings.Repeat("(", 4000) + "1" + strings.Repeat(")", 4000) + "}\"}\n",
		"too long":    strings.Repeat("# comment\n", 7000),
	} {
		start := time.Now()
		if _, err := blueprint.Parse("shop.yaml", []byte(src)); err == nil {
			t.Errorf("%s: parsed", name)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	// Values that double each other parse, and stop at the size limit.
	src := head + "plans: {small: {}}\nvalues:\n" + values.String() + "  v200: x\n" + web + "    env: {A: \"${values.v0}\"}\n"
	recipe, err := blueprint.Parse("shop.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := recipe.Render(blueprint.Environment{Plan: "small"}); err == nil || !strings.Contains(err.Error(), "over 65536 bytes") {
		t.Errorf("rendered: %.200v", err)
	}
}
