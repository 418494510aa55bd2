package blueprint_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

const library = "testdata/whole/library.yaml"

func parseLibrary(t testing.TB) *blueprint.Recipe {
	t.Helper()
	src, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := blueprint.Parse(library, src)
	if err != nil {
		t.Fatal(err)
	}
	return recipe
}

// environment gives every name a value of its own, so that a golden shows
// which went where.
func environment(t testing.TB, r *blueprint.Recipe, plan string) blueprint.Environment {
	t.Helper()
	given := map[string]*structpb.Value{}
	if r.Message().GetInputs()["librarian"] != nil {
		given["librarian"] = structpb.NewStringValue("ann@example.org")
	}
	inputs, violations := r.ResolveInputs(plan, given)
	if violations != nil {
		t.Fatalf("violations: %v", violations)
	}
	env := blueprint.Environment{
		Tenant: blueprint.Tenant{ID: "oak-hill", UID: "7f3c", DisplayName: `Oak "Hill"`, Plan: plan, Region: "eu", Revision: r.Revision()},
		Plan:   plan, Inputs: inputs, Secrets: map[string]string{}, Ports: map[string]blueprint.Port{},
		Volumes: map[string]string{}, Files: map[string]string{}, Tmp: map[string]string{},
		Backup: "/stamp/backup", EndpointURL: "http://127.0.0.1:20001",
	}
	for name := range r.Secrets() {
		env.Secrets[name] = "secret:" + name + "@1"
	}
	for name, c := range r.Message().GetComponents() {
		for port, n := range c.GetPorts() {
			env.Ports[name+"."+port] = blueprint.Port{Listen: "127.77.0.5", Host: name + ".stamp", Port: int(n)}
		}
		for _, volume := range c.GetVolumes() {
			env.Volumes[name+"."+volume] = "/stamp/volumes/" + name + "/" + volume
		}
		env.Files[name], env.Tmp[name] = "/stamp/files/"+name, "/stamp/tmp/"+name
	}
	return env
}

func TestWholeRecipe(t *testing.T) {
	r := parseLibrary(t)
	check := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("name", r.Name()+" "+r.Revision(), "library 2.3.1")
	check("plans", r.Plans(), []string{"city", "village"})
	check("default plan", r.DefaultPlan(), "village")
	check("has plan", []bool{r.HasPlan("city"), r.HasPlan("moon")}, []bool{true, false})
	check("order", r.Order(), []string{"db", "catalog", "front", "reminder", "search"})
	check("waves", r.Waves(), [][]string{{"db"}, {"catalog"}, {"front", "reminder", "search"}})
	check("depends", r.DependsOn("reminder"), []string{"db", "catalog"})
	check("depends of a smoke check's component", r.DependsOn("catalog"), []string{"db"})
	check("connects, smoke included", r.Connects("catalog"), []string{"db.sql", "front.http"})
	check("after only orders", r.Connects("reminder"), []string{"db.sql"})
	check("a chart connects too", r.Connects("search"), []string{"catalog.http"})
	check("secrets", r.Secrets(), map[string]blueprint.SecretSpec{
		"owner": {Length: 40}, "db_password": {Length: 32, Rotate: "catalog.migrate"}, "cookie_key": {Length: 64, Rotate: "restart"}})
	schedule, keep, ok := r.Backup("city")
	check("backup", []any{schedule, keep, ok}, []any{"30 2 * * *", 30, true})
	check("notes", r.Notes().Error(), library+":28:3: secrets.owner: has no rotate: it cannot be rotated")
}

func TestFootprint(t *testing.T) {
	r := parseLibrary(t)
	const mi, gi = int64(1) << 20, int64(1) << 30
	one := map[string]int64{"stamps": 1, "ports": 1, "addresses": 1, "users": 1}
	for plan, want := range map[string]map[string]int64{
		"village": {"cpu_millis": 250 + 4*50, "memory_bytes": 256*mi + 4*64*mi, "disk_bytes": 5 * gi},
		"city":    {"cpu_millis": 1000 + 6*50, "memory_bytes": 2*gi + 6*64*mi, "disk_bytes": 100 * gi},
	} {
		maps.Copy(want, one)
		got, err := r.Footprint(plan)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("footprint of %s: %v, %v; want %v", plan, got, err, want)
		}
	}
	if _, err := r.Footprint("moon"); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("footprint of an unknown plan: %v", err)
	}
}

// TestRenderGolden pins what a ledger holds: a change here means that every
// stamp is changed when Stampworks is upgraded.
func TestRenderGolden(t *testing.T) {
	r := parseLibrary(t)
	for _, plan := range r.Plans() {
		env := environment(t, r, plan)
		rendered, err := r.Render(env)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := r.Render(env); err != nil || !reflect.DeepEqual(rendered, again) {
			t.Errorf("plan %s renders differently the second time: %v", plan, err)
		}
		got, err := json.MarshalIndent(rendered, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/whole/library."+plan+".json", string(got)+"\n")
	}
}

// TestRenderConcurrently: a recipe is shared by every goroutine of a service.
func TestRenderConcurrently(t *testing.T) {
	r := parseLibrary(t)
	env := environment(t, r, "city")
	want, err := r.Render(env)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := r.Render(env); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("renders differently beside others: %v", err)
			}
		})
	}
	group.Wait()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", file, got)
	}
}

// TestStoredRecipe: what went through storage is the same recipe.
func TestStoredRecipe(t *testing.T) {
	r := parseLibrary(t)
	wire, err := proto.Marshal(r.Message())
	if err != nil {
		t.Fatal(err)
	}
	msg := r.Message()
	proto.Reset(msg)
	if err := proto.Unmarshal(wire, msg); err != nil {
		t.Fatal(err)
	}
	stored, err := blueprint.FromMessage(msg)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Digest() != r.Digest() {
		t.Errorf("digest %s became %s", r.Digest(), stored.Digest())
	}
	env := environment(t, r, "city")
	a, errA := r.Render(env)
	b, errB := stored.Render(env)
	if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("renderings differ: %v, %v", errA, errB)
	}
	msg.Components["db"].Run = "postgres ${nope}"
	if _, err := blueprint.FromMessage(msg); err == nil || !strings.HasPrefix(err.Error(), "library@2.3.1: components.db.run: ") {
		t.Errorf("broken stored recipe: %v", err)
	}
}

// TestStoredBeforeARule: what was published before a rule was made stays in use.
func TestStoredBeforeARule(t *testing.T) {
	const plan = "village"
	for name, change := range map[string]func(*typev1.Blueprint){
		"a schedule that never comes": func(b *typev1.Blueprint) { b.Plans[plan].Backup = &typev1.BackupPolicy{Schedule: "0 3 30 2 *"} },
		"a migration that is stopped": func(b *typev1.Blueprint) { b.Components["catalog"].Migrate.Stopped = true },
	} {
		msg := parseLibrary(t).Message()
		change(msg)
		stored, err := blueprint.FromMessage(msg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := stored.Render(environment(t, stored, plan)); err != nil {
			t.Errorf("%s: render: %v", name, err)
		}
	}
}

// TestMessageIsACopy: a recipe never changes.
func TestMessageIsACopy(t *testing.T) {
	r := parseLibrary(t)
	r.Message().Components["db"].Run = "changed"
	if strings.Contains(r.Message().GetComponents()["db"].GetRun(), "changed") {
		t.Error("the recipe changed through its message")
	}
}

func TestCheckUpgrade(t *testing.T) {
	r := parseLibrary(t)
	for from, fine := range map[string]bool{"2.0.0": true, "2.3.1": true, "2.3.0-rc.1": true, "1.9.0": false, "2.3.2": false, "3.0.0": false} {
		err := r.CheckUpgrade(from)
		if (err == nil) != fine || err != nil && !errs.Is(err, errs.FailedPrecondition) {
			t.Errorf("upgrade from %s: %v", from, err)
		}
	}
	if err := r.CheckUpgrade("old"); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("upgrade from no version: %v", err)
	}
}

// TestDigest pins the canonical form: published revisions are known by it.
func TestDigest(t *testing.T) {
	r := parseLibrary(t)
	golden(t, "testdata/whole/library.digest", r.Digest()+"\n")
	other := r.Message()
	other.Components["db"].Ports["sql"]++
	changed, err := blueprint.FromMessage(other)
	if err != nil || changed.Digest() == r.Digest() {
		t.Errorf("another port has the same digest: %v", err)
	}
	src, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	reworded := strings.ReplaceAll(string(src), "smoke:\n", "smoke: # all of these\n")
	same, err := blueprint.Parse("other name", []byte(reworded))
	if err != nil || same.Digest() != r.Digest() {
		t.Errorf("a comment changed the digest: %v", err)
	}
}
