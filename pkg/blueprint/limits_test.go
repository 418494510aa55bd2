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

// Lists that hold each other many times are small in memory and endless to
// compare.
func TestExpressionsEnd(t *testing.T) {
	bomb := "[0]" + strings.Repeat(".map(a, [a, a, a, a])", 20)
	loop := "[1,2,3,4,5,6,7,8,9,10]"
	for _, text := range []string{
		"[" + bomb + "].all(v, v == v)", bomb + " == " + bomb, bomb + " in [" + bomb + "]", "size(" + bomb + ") == 1",
		"[[0], " + bomb + "].all(v, v.map(a, [a, a]) == v.map(a, [a, a]))",
		loop + ".all(a, " + loop + ".all(b, " + loop + ".all(c, " + loop + ".all(d, " + loop + ".all(e, " + loop + ".all(f, a + b + c + d + e + f > 0))))))",
	} {
		began := time.Now()
		_, err := blueprint.Parse("bomb.yaml", []byte("blueprint: bomb\nrevision: 1.0.0\nplans: {standard: {}}\nartifacts: {sh: {host: sh}}\ncomponents:\n  web:\n    artifact: sh\n    ports: {http: 80}\n    run: sh ${"+text+"}\nendpoint: web.http\n"))
		if err == nil || !strings.Contains(err.Error(), "always fails") {
			t.Errorf("%.60s: %v", text, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%.60s: took %v", text, took)
		}
	}
}
