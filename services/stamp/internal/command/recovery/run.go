package recovery

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

// ahead is how far the generations of the recovered are above the last that the
// manifest knows: changes that never reached it had numbers too, and those of
// operations are not used again.
const ahead = 100

// What comes of a stamp, in the first word of its line.
const (
	madeAgain    = "MADE_AGAIN"
	wouldBeMade  = "WOULD_BE_MADE_AGAIN"
	alreadyThere = "ALREADY_THERE"
	stampIsNewer = "STAMP_IS_NEWER"
	refused      = "REFUSED"
)

type options struct {
	*session.Session
	client       *client.Client
	cell         string
	dryRun, wait bool
	restored     bool
}

func run(ctx context.Context, o *options) error {
	cells, err := o.cells(ctx)
	if err != nil {
		return err
	}
	recovery := rand.Text()
	var all outcome
	for _, cell := range cells {
		found := &provisionerv1.ListManifestsResponse{}
		if err := client.List(ctx, o.client, "/v1/"+cell+"/manifests", nil, true, found); err != nil {
			o.Say("%s: its stamps cannot be read: %v", cell, err)
			all.unread = append(all.unread, cell)
			continue
		}
		for _, text := range found.GetUnreadable() {
			o.Say("%s: %s", cell, text)
			all.unread = append(all.unread, cell)
		}
		for _, m := range found.GetManifests() {
			word, sentence, op := o.one(ctx, m, recovery)
			fmt.Fprintf(o.Out, "%s: %s: %s\n", strings.TrimPrefix(m.GetTenant(), "tenants/"), word, sentence)
			all.add(m.GetTenant(), word, op, o.restored)
		}
	}
	return errors.Join(o.await(ctx, all.begun), o.awaitTaken(ctx, all.taken, recovery), all.err())
}

// outcome is what came of the stamps, by what is still to be done about them.
type outcome struct {
	unread, refused, newer []string
	begun, taken           []string // operations and tenants to wait for
}

func (a *outcome) add(tenant, word, op string, restored bool) {
	id := strings.TrimPrefix(tenant, "tenants/")
	switch word {
	case refused:
		a.refused = append(a.refused, id)
	case stampIsNewer:
		a.newer = append(a.newer, id)
	}
	if op != "" {
		a.begun = append(a.begun, op)
	}
	if restored && (word == alreadyThere || word == stampIsNewer) {
		a.taken = append(a.taken, tenant)
	}
}

// err names what a person is to put right; nil when there is nothing.
func (a *outcome) err() error {
	var parts []string
	for _, p := range []struct {
		what string
		who  []string
	}{
		{"not made again", a.refused},
		{"there, of an older wish than their stamps", a.newer},
		{"not read in full", slices.Compact(a.unread)},
	} {
		if len(p.who) > 0 {
			parts = append(parts, p.what+": "+strings.Join(p.who, ", "))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return &exit.Error{Code: exit.Failure, Message: strings.Join(parts, "; "), Next: "put right what is said above, and call it again"}
}

// cells are those whose stamps are asked.
func (o *options) cells(ctx context.Context) ([]string, error) {
	if o.cell != "" {
		return []string{"cells/" + strings.TrimPrefix(o.cell, "cells/")}, nil
	}
	all := &registryv1.ListCellsResponse{}
	if err := client.List(ctx, o.client, "/v1/cells", nil, true, all); err != nil {
		return nil, err
	}
	var names []string
	for _, c := range all.GetCells() {
		names = append(names, c.GetName())
	}
	if len(names) == 0 {
		return nil, &exit.Error{Code: exit.NotFound, Message: "no cell is known yet", Next: "start the provisioners, and call this again when stamp cell list shows their cells"}
	}
	return names, nil
}

// one makes a tenant again, and says what came of it in a word and a sentence.
func (o *options) one(ctx context.Context, m *provisionerv1.StampManifest, recovery string) (word, sentence, op string) {
	word, sentence, op = o.there(ctx, m)
	if m.GetWish() == nil && (word == "" || o.restored) {
		return refused, "its manifest is of an older Stampworks and does not have the tenant: create it as another tenant, from a backup", ""
	}
	if word == refused || word != "" && !o.restored {
		return word, sentence, op
	}
	made, err := o.make(ctx, m, recovery)
	var problem *client.Problem
	if word == "" && errors.As(err, &problem) && problem.Reason == "TENANT_EXISTS" {
		// Another call made it since we looked.
		word, sentence, op = o.there(ctx, m)
		if word == refused || word != "" && !o.restored {
			return word, sentence, op
		}
		made, err = o.make(ctx, m, recovery)
	}
	switch {
	case err != nil:
		return refused, whyRefused(err), ""
	case word != "":
		return word, sentence, op
	case o.dryRun:
		return wouldBeMade, describe(m), ""
	}
	return madeAgain, describe(m), made.GetName()
}

// make asks for the tenant, or has its stamp taken over.
func (o *options) make(ctx context.Context, m *provisionerv1.StampManifest, recovery string) (*longrunningpb.Operation, error) {
	wish := proto.CloneOf(m.GetWish())
	wish.Generation = max(wish.GetGeneration(), m.GetGeneration()) + ahead
	made := &longrunningpb.Operation{}
	return made, o.client.Post(ctx, "/v1/tenants:recover", nil, &registryv1.RecoverTenantRequest{
		Tenant: wish, Cell: m.GetCell(), RecoveryId: recovery, TakeOver: o.restored, ValidateOnly: o.dryRun,
	}, made)
}

// there looks whether the tenant exists, is the stamp's own, and knows as much;
// no word when it does not exist.
func (o *options) there(ctx context.Context, m *provisionerv1.StampManifest) (word, sentence, op string) {
	known := &registryv1.Tenant{}
	err := o.client.Get(ctx, "/v1/"+m.GetTenant(), nil, known)
	var problem *client.Problem
	switch {
	case errors.As(err, &problem) && problem.Reason == "TENANT_NOT_FOUND":
		return "", "", ""
	case err != nil:
		return refused, err.Error(), ""
	case known.GetUid() != m.GetTenantUid():
		return refused, fmt.Sprintf("another tenant has this id (uid %s, the stamp's is %s): delete and purge that one, then call this again", known.GetUid(), m.GetTenantUid()), ""
	case known.GetGeneration() < m.GetGeneration() && known.GetGenerationTime().AsTime().Before(m.GetWish().GetGenerationTime().AsTime()):
		return stampIsNewer, fmt.Sprintf("etcd knows generation %d, the stamp is of generation %d, on %s: %s",
			known.GetGeneration(), m.GetGeneration(), short(cmp.Or(m.GetRevision(), m.GetWish().GetBlueprint())), sayAgain(known, m)), ""
	case o.restored:
		sentence = "its stamp is taken over again, with its backups"
	default:
		sentence = "nothing to do"
	}
	return alreadyThere, sentence, fmt.Sprintf("operations/%s.%d", strings.TrimPrefix(m.GetTenant(), "tenants/"), known.GetGeneration())
}

// describe is what comes back: what the tenant will be wished.
func describe(m *provisionerv1.StampManifest) string {
	state := "runs"
	switch {
	case m.GetWish().GetDeleteTime() != nil:
		state = "is deleted"
	case m.GetWish().GetSuspended():
		state = "is suspended"
	}
	if m.GetWish().GetRestoreFrom() != "" {
		state += ", once it has the data of " + m.GetWish().GetRestoreFrom()
	}
	return fmt.Sprintf("%q, %s, plan %s, in %s, %s", m.GetWish().GetDisplayName(), short(m.GetWish().GetBlueprint()), m.GetWish().GetPlan(), strings.TrimPrefix(m.GetCell(), "cells/"), state)
}

func short(revision string) string { return strings.TrimPrefix(revision, "blueprints/") }
