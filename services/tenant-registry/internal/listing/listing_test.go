package listing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/tenant-registry/internal/listing"
)

type item struct {
	id, plan, state, deal, cell string
	labels                      map[string]string
	made                        time.Time
}

var schema = listing.Schema[item]{
	ID: func(i item) string { return i.id },
	Fields: map[string]listing.Field[item]{
		"id":          listing.Text(func(i item) string { return i.id }),
		"plan":        listing.Text(func(i item) string { return i.plan }),
		"state":       listing.Word(map[string]int32{"UNSPECIFIED": 0, "ACTIVE": 1, "FAILED": 2, "CREATING": 3, "SUSPENDED": 4}, func(i item) string { return i.state }),
		"cell":        listing.Name(func(i item) string { return i.cell }, func(name string) []string { return []string{name[len("cells/"):]} }),
		"deal.id":     listing.Text(func(i item) string { return i.deal }),
		"labels":      listing.Map(func(i item) map[string]string { return i.labels }),
		"create_time": listing.Time(func(i item) time.Time { return i.made }),
	},
}

var day = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var all = []item{
	{id: "acme", plan: "pro", state: "ACTIVE", deal: "42", cell: "cells/eu-1", labels: map[string]string{"tier": "gold", "a-b": "c"}, made: day},
	{id: "beta", plan: "starter", state: "FAILED", deal: "43", labels: map[string]string{"tier": "tin"}, made: day.Add(time.Hour)},
	{id: "corp", plan: "pro", state: "ACTIVE", made: day.Add(2 * time.Hour)},
}

func ids(items []item) string {
	var b []string
	for _, i := range items {
		b = append(b, i.id)
	}
	return strings.Join(b, " ")
}

func TestFilters(t *testing.T) {
	for filter, want := range map[string]string{
		"":                                      "acme beta corp",
		`plan = "pro"`:                          "acme corp",
		`plan = pro`:                            "acme corp",
		`plan = pro AND state = active`:         "acme corp",
		`plan = pro AND NOT id = "acme"`:        "corp",
		`plan != pro OR id = corp`:              "beta corp",
		`state = FAILED`:                        "beta",
		`cell = "eu-1"`:                         "acme",
		`cell = "cells/eu-1"`:                   "acme",
		`cell = "eu-*"`:                         "acme",
		`cell != "eu-1"`:                        "beta corp",
		`cell:"cells"`:                          "acme",
		`cell = "1"`:                            "",
		`state:fail`:                            "beta",
		`deal.id = "42"`:                        "acme",
		`deal.id = 42`:                          "acme",
		`labels.tier = gold`:                    "acme",
		`labels.tier != gold`:                   "beta corp",
		`labels:tier`:                           "acme beta",
		`labels."a-b" = c`:                      "acme",
		`id = "a*"`:                             "acme",
		`id = "*e*"`:                            "acme beta",
		`create_time > "2026-01-01T00:30:00Z"`:  "beta corp",
		`create_time <= "2026-01-01T01:00:00Z"`: "acme beta",
		`(plan = pro OR plan = starter) AND labels.tier = tin`: "beta",
	} {
		page, err := schema.Page(all, listing.Query{Filter: filter})
		if err != nil || ids(page.Items) != want {
			t.Errorf("filter %q: %s, %v; want %s", filter, ids(page.Items), err, want)
		}
	}
	for _, bad := range []string{`nope = 1`, `plan`, `plan = `, `plan > (`, `create_time > yesterday`, `labels = gold`, `"`, `f(plan)`, strings.Repeat("(", 50), strings.Repeat("a", 3000)} {
		if _, err := schema.Page(all, listing.Query{Filter: bad}); errs.ReasonOf(err) != listing.ReasonFilter {
			t.Errorf("filter %.20q: %v", bad, err)
		}
	}
}

// TestAWordThatThereIsNot: nobody is told that there are none.
func TestAWordThatThereIsNot(t *testing.T) {
	_, err := schema.Page(all, listing.Query{Filter: "state = NOPE"})
	if err == nil || !strings.Contains(err.Error(), `compares state with "NOPE", which is none of ACTIVE, FAILED, CREATING, SUSPENDED`) {
		t.Errorf("%v", err)
	}
	if _, err := schema.Page(all, listing.Query{Filter: `state = "act*" OR state != failed`}); err != nil {
		t.Error(err)
	}
}

// TestAFilterThatCannotBeReadSaysWhere: people write deal.id = deal-7, and the
// "-" means something else.
func TestAFilterThatCannotBeReadSaysWhere(t *testing.T) {
	for filter, where := range map[string]string{`deal.id = deal-7`: "(1:15)", `id = "x`: "unterminated string (1:6)"} {
		_, err := schema.Page(all, listing.Query{Filter: filter})
		if err == nil || !strings.Contains(err.Error(), where) || !strings.Contains(err.Error(), "quotes") {
			t.Errorf("filter %q: %v, want it to say %s", filter, err, where)
		}
	}
}

func TestOrder(t *testing.T) {
	for order, want := range map[string]string{
		"": "acme beta corp", "id desc": "corp beta acme", "plan, id desc": "corp acme beta", "create_time desc": "corp beta acme", "state desc": "beta acme corp",
	} {
		page, err := schema.Page(all, listing.Query{OrderBy: order})
		if err != nil || ids(page.Items) != want {
			t.Errorf("order %q: %s, %v; want %s", order, ids(page.Items), err, want)
		}
	}
	for _, bad := range []string{"nope", "labels", "id sideways", ";", "id,,plan"} {
		if _, err := schema.Page(all, listing.Query{OrderBy: bad}); errs.ReasonOf(err) != listing.ReasonOrder {
			t.Errorf("order %q: %v", bad, err)
		}
	}
}

func TestPagesAreStableWhileItemsComeAndGo(t *testing.T) {
	var many []item
	for n := range 25 {
		many = append(many, item{id: fmt.Sprintf("t%02d", n), plan: fmt.Sprint(n % 3)})
	}
	q := listing.Query{OrderBy: "plan desc", Size: 10}
	seen := map[string]int{}
	for {
		page, err := schema.Page(many, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			seen[i.id]++
		}
		if page.Next == "" {
			break
		}
		if len(seen) == 10 {
			many = append(many[1:], item{id: "late", plan: "9"}) // sorts before what was shown
		}
		q.Token = page.Next
	}
	for n := 1; n < 25; n++ {
		if id := fmt.Sprintf("t%02d", n); seen[id] != 1 {
			t.Errorf("%s was listed %d times", id, seen[id])
		}
	}
	if seen["late"] != 0 {
		t.Error("an item that sorts before the page was listed")
	}
}

func TestTokenIsBoundToTheQuery(t *testing.T) {
	q := listing.Query{Filter: "plan = pro", Size: 1, Scope: "a"}
	page, err := schema.Page(all, q)
	if err != nil || page.Next == "" || page.Total != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	q.Token = page.Next
	if second, err := schema.Page(all, q); err != nil || ids(second.Items) != "corp" || second.Next != "" {
		t.Errorf("second page: %+v, %v", second, err)
	}
	for name, other := range map[string]listing.Query{
		"filter": {Token: q.Token, Scope: "a"}, "order": {Token: q.Token, Filter: q.Filter, Scope: "a", OrderBy: "id"},
		"scope": {Token: q.Token, Filter: q.Filter, Scope: "b"}, "garbage": {Token: "xx"}, "not base64": {Token: "!"},
	} {
		if _, err := schema.Page(all, other); errs.ReasonOf(err) != listing.ReasonPageToken {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{`plan = pro AND (state = x OR NOT labels.a:"b")`, `a.b.c > 1.5`, `-plan:x`, `create_time > timestamp("2026-01-01T00:00:00Z")`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		if _, err := schema.Page(all, listing.Query{Filter: filter}); err != nil && !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("filter %q: %v", filter, err)
		}
	})
}

func FuzzPageToken(f *testing.F) {
	page, _ := schema.Page(all, listing.Query{Size: 1})
	f.Add(page.Next, "plan")
	f.Add("e30", "")
	f.Fuzz(func(t *testing.T, token, order string) {
		if _, err := schema.Page(all, listing.Query{Token: token, OrderBy: order}); err != nil && !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("token %q: %v", token, err)
		}
	})
}
