package mask_test

import (
	"fmt"
	"testing"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mask"
)

var fields = mask.Fields{"plan", "labels", "contact", "deletion_protection"}

func TestApply(t *testing.T) {
	for name, c := range map[string]struct {
		paths []string
		from  *registryv1.Tenant
		plan  string
		tier  string
		email string
		uid   string
	}{
		"what is set":       {nil, &registryv1.Tenant{Plan: "pro", Uid: "x"}, "pro", "gold", "a@b", "u"},
		"all":               {[]string{"*"}, &registryv1.Tenant{Plan: "pro", Uid: "x"}, "pro", "", "", "u"},
		"cleared":           {[]string{"plan"}, &registryv1.Tenant{}, "", "gold", "a@b", "u"},
		"not for masks":     {[]string{"name", "etag"}, &registryv1.Tenant{Name: "x", Etag: "y"}, "small", "gold", "a@b", "u"},
		"a key":             {[]string{"labels.tier"}, &registryv1.Tenant{Labels: map[string]string{"tier": "tin", "x": "y"}}, "small", "tin", "a@b", "u"},
		"a key cleared":     {[]string{"labels.tier"}, &registryv1.Tenant{}, "small", "", "a@b", "u"},
		"a field":           {[]string{"contact.email"}, &registryv1.Tenant{Contact: &registryv1.Contact{Email: "c@d"}}, "small", "gold", "c@d", "u"},
		"a field cleared":   {[]string{"contact.email"}, &registryv1.Tenant{}, "small", "gold", "", "u"},
		"a key of no other": {[]string{"labels.none"}, &registryv1.Tenant{}, "small", "gold", "a@b", "u"},
	} {
		to := &registryv1.Tenant{Plan: "small", Uid: "u", Labels: map[string]string{"tier": "gold"}, Contact: &registryv1.Contact{Email: "a@b", DisplayName: "A"}}
		if err := fields.Apply(to, c.from, c.paths); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if to.GetPlan() != c.plan || to.GetLabels()["tier"] != c.tier || to.GetContact().GetEmail() != c.email || to.GetUid() != c.uid || len(to.GetLabels()) > 1 {
			t.Errorf("%s: %v", name, to)
		}
	}
	for _, bad := range [][]string{{"nope"}, {"contact.nope"}, {"plan.x"}, {"*", "plan"}, {""}, {"uid"}, {"plan", "state"}, {"status.url"}} {
		if err := fields.Apply(&registryv1.Tenant{}, &registryv1.Tenant{}, bad); !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestChanged(t *testing.T) {
	a := &registryv1.Tenant{Plan: "a", Uid: "1", Contact: &registryv1.Contact{}}
	b := &registryv1.Tenant{Plan: "b", Uid: "2", Labels: map[string]string{"x": "y"}}
	if got := fmt.Sprint(fields.Changed(a, b), fields.Changed(a, a)); got != "[plan labels contact] []" {
		t.Error(got)
	}
}
