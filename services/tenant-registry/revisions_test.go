package tenantregistry_test

import (
	"fmt"
	"strings"
	"testing"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestRevisions(t *testing.T) {
	r := start(t)
	publish := func(source, id string) (*registryv1.Revision, error) {
		return r.catalog.CreateRevision(ctx(t), &registryv1.CreateRevisionRequest{Parent: "blueprints/helpdesk", RevisionId: id, Revision: &registryv1.Revision{Source: source}})
	}
	first, err := r.catalog.GetRevision(ctx(t), &registryv1.GetRevisionRequest{Name: "blueprints/helpdesk/revisions/1.0.0"})
	if err != nil || first.GetPublisher() != "tokens/admin" || first.GetDigest() == "" || first.GetRecipe().GetEndpoint() != "app.http" {
		t.Fatalf("%v, %v", first, err)
	}
	if same, err := publish(recipe, "1.0.0"); err != nil || same.GetUid() != first.GetUid() {
		t.Errorf("the same again: %v, %v", same, err)
	}
	_, err = publish(recipe+"smoke:\n  - {http: /}\n", "")
	_ = reason(t, "other content", err, errs.AlreadyExists, "REVISION_IMMUTABLE")
	_, err = publish(recipe, "2.0.0")
	_ = reason(t, "other id", err, errs.InvalidArgument, "RECIPE_MISPLACED")
	_, err = publish("blueprint: helpdesk\nrevision: 1.0.0\nplanz: {}\n", "")
	e := reason(t, "mistakes", err, errs.InvalidArgument, "RECIPE_INVALID")
	if len(e.Violations) == 0 || e.Violations[0].Field != "revision.source" || e.Violations[0].Description[:2] != "3:" {
		t.Errorf("violations %v", e.Violations)
	}
	for _, v := range []string{"1.10.0", "1.9.0", "2.0.0-rc.1"} {
		if _, err := publish("# "+v+"\n"+strings.Replace(recipe, "1.0.0", v, 1), v); err != nil {
			t.Fatal(err)
		}
	}
	list, err := r.catalog.ListRevisions(ctx(t), &registryv1.ListRevisionsRequest{Parent: "blueprints/helpdesk"})
	var got []string
	for _, revision := range list.GetRevisions() {
		got = append(got, revision.GetName()[len("blueprints/helpdesk/revisions/"):])
	}
	if want := "[2.0.0-rc.1 1.10.0 1.9.0 1.0.0]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
	page, err := r.catalog.ListRevisions(ctx(t), &registryv1.ListRevisionsRequest{Parent: "blueprints/helpdesk", PageSize: 3})
	if err != nil || len(page.GetRevisions()) != 3 || page.GetNextPageToken() == "" {
		t.Fatalf("%v, %v", page, err)
	}
	rest, err := r.catalog.ListRevisions(ctx(t), &registryv1.ListRevisionsRequest{Parent: "blueprints/helpdesk", PageToken: page.GetNextPageToken()})
	if err != nil || len(rest.GetRevisions()) != 1 || rest.GetRevisions()[0].GetName() != first.GetName() {
		t.Errorf("%v, %v", rest, err)
	}
	all, err := r.catalog.ListBlueprints(ctx(t), &registryv1.ListBlueprintsRequest{})
	if err != nil || len(all.GetBlueprints()) != 1 || all.GetBlueprints()[0].GetRevisionCount() != 4 ||
		all.GetBlueprints()[0].GetLatestRevision() != "blueprints/helpdesk/revisions/1.10.0" { // a pre-release only when asked for
		t.Errorf("%v, %v", all, err)
	}
	_, err = r.catalog.GetBlueprint(ctx(t), &registryv1.GetBlueprintRequest{Name: "blueprints/nope"})
	_ = reason(t, "no blueprint", err, errs.NotFound, "BLUEPRINT_NOT_FOUND")
}
