package engine

import (
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// TestChangeOf is the specification of what a generation makes of its stamp.
func TestChangeOf(t *testing.T) {
	const none, create, update, suspend, resume, remove, purge, upgrade = typev1.OperationMetadata_KIND_UNSPECIFIED,
		typev1.OperationMetadata_CREATE, typev1.OperationMetadata_UPDATE, typev1.OperationMetadata_SUSPEND, typev1.OperationMetadata_RESUME,
		typev1.OperationMetadata_DELETE, typev1.OperationMetadata_PURGE, typev1.OperationMetadata_UPGRADE
	serves := &pb.Stamp{Revision: rev1, Lifecycle: pb.Stamp_RUNNING}
	stopped := &pb.Stamp{Revision: rev1, Lifecycle: pb.Stamp_STOPPED}
	unborn := &pb.Stamp{Lifecycle: pb.Stamp_STOPPED}
	wish := func(revision string, asked typev1.OperationMetadata_Kind) *registryv1.Tenant {
		return &registryv1.Tenant{Blueprint: revision, GenerationKind: asked}
	}
	with := func(t *registryv1.Tenant, change func(*registryv1.Tenant)) *registryv1.Tenant { change(t); return t }
	suspended := func(t *registryv1.Tenant) { t.Suspended = true }
	deleted := func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() }
	purged := func(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true }
	for name, c := range map[string]struct {
		wish *registryv1.Tenant
		have *pb.Stamp
		want Change
	}{
		"a new tenant":                          {wish(rev1, none), nil, Change{Kind: create}},
		"one that was stopped before it lived":  {wish(rev2, none), unborn, Change{Kind: create}},
		"the same, resumed":                     {wish(rev2, resume), unborn, Change{Kind: resume}},
		"an update":                             {wish(rev1, none), serves, Change{Kind: update, Updates: true}},
		"an upgrade":                            {wish(rev2, none), serves, Change{Kind: upgrade, Moves: true}},
		"one that was taken back":               {wish(rev1, upgrade), serves, Change{Kind: upgrade, Updates: true}},
		"the same, of what is stopped":          {wish(rev1, upgrade), stopped, Change{Kind: upgrade, Resumes: true}},
		"a resume":                              {wish(rev1, none), stopped, Change{Kind: resume, Resumes: true}},
		"a resume before anything was stopped":  {wish(rev1, resume), serves, Change{Kind: resume, Resumes: true}},
		"a resume that upgrades":                {wish(rev2, resume), stopped, Change{Kind: resume, Moves: true, Resumes: true}},
		"the same, that nobody named":           {wish(rev2, none), stopped, Change{Kind: resume, Moves: true, Resumes: true}},
		"the same, before anything was stopped": {wish(rev2, resume), serves, Change{Kind: resume, Moves: true, Resumes: true}},
		"the same, as an update of its inputs":  {wish(rev2, update), stopped, Change{Kind: update, Moves: true, Resumes: true}},
		"a suspension":                          {with(wish(rev1, none), suspended), serves, Change{Kind: suspend}},
		"one on another revision":               {with(wish(rev2, upgrade), suspended), stopped, Change{Kind: upgrade}},
		"a deletion":                            {with(wish(rev2, none), deleted), serves, Change{Kind: remove}},
		"a purge":                               {with(wish(rev2, none), purged), stopped, Change{Kind: purge}},
		"an undelete that upgrades":             {wish(rev2, resume), stopped, Change{Kind: resume, Moves: true, Resumes: true}},
	} {
		if got := ChangeOf(c.wish, c.have); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
