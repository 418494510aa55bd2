package recovery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
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
	recovery, missing := rand.Text(), false
	var begun, taken []string
	for _, cell := range cells {
		found := &provisionerv1.ListManifestsResponse{}
		if err := client.List(ctx, o.client, "/v1/"+cell+"/manifests", nil, true, found); err != nil {
			o.Say("%s: its stamps cannot be read: %v", cell, err)
			missing = true
			continue
		}
		for _, text := range found.GetUnreadable() {
			o.Say("%s: %s", cell, text)
			missing = true
		}
		for _, m := range found.GetManifests() {
			word, sentence, op := o.one(ctx, m, recovery)
			fmt.Fprintf(o.Out, "%s: %s: %s\n", strings.TrimPrefix(m.GetTenant(), "tenants/"), word, sentence)
			missing = missing || word == refused || word == stampIsNewer
			if op != "" {
				begun = append(begun, op)
			}
			if o.restored && (word == alreadyThere || word == stampIsNewer) {
				taken = append(taken, m.GetTenant())
			}
		}
	}
	failed := errors.Join(o.await(ctx, begun), o.awaitTaken(ctx, taken, recovery))
	if missing {
		failed = errors.Join(failed, &exit.Error{Code: exit.Failure, Message: "not all tenants are back; put right what is said above, and call it again"})
	}
	return failed
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

// await waits for what was begun, when that is wished.
func (o *options) await(ctx context.Context, begun []string) (failed error) {
	if !o.wait {
		return nil
	}
	for _, op := range begun {
		if _, err := wait.For(ctx, o.Session, o.client, op); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// lookAgain is the pause between looks at a stamp that is taken over.
const lookAgain = 100 * time.Millisecond

// awaitTaken waits, when that is wished, until the stamps of tenants that were
// there are taken over again: that is no operation of its own.
func (o *options) awaitTaken(ctx context.Context, tenants []string, recovery string) error {
	if !o.wait || o.dryRun {
		return nil
	}
	ctx, cancel := o.Bounded(ctx, session.DefaultWait)
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for _, tenant := range tenants {
		for {
			stamp := &provisionerv1.Stamp{}
			if err := o.client.Get(ctx, "/v1/"+tenant+"/stamp", nil, stamp); err != nil {
				return err
			}
			if stamp.GetAdopted() == recovery {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("wait until the stamp of %s is taken over: %w", tenant, ctx.Err())
			}
		}
	}
	return nil
}

// one makes a tenant again, and says what came of it in a word and a sentence.
func (o *options) one(ctx context.Context, m *provisionerv1.StampManifest, recovery string) (word, sentence, op string) {
	if m.GetWish() == nil {
		return refused, "its manifest is of an older Stampworks and does not have the tenant: create it as another tenant, from a backup", ""
	}
	word, sentence, op = o.there(ctx, m)
	if word == refused || word != "" && !o.restored {
		return word, sentence, op
	}
	wish := proto.CloneOf(m.GetWish())
	wish.Generation = max(wish.GetGeneration(), m.GetGeneration()) + ahead
	made := &longrunningpb.Operation{}
	err := o.client.Post(ctx, "/v1/tenants:recover", nil, &registryv1.RecoverTenantRequest{
		Tenant: wish, Cell: m.GetCell(), RecoveryId: recovery, TakeOver: o.restored, ValidateOnly: o.dryRun,
	}, made)
	switch {
	case err != nil:
		return refused, err.Error(), ""
	case word != "":
		return word, sentence, op
	case o.dryRun:
		return wouldBeMade, describe(m), ""
	}
	return madeAgain, describe(m), made.GetName()
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
		return stampIsNewer, fmt.Sprintf("etcd knows generation %d, the stamp is of generation %d, on %s: say what it is to be, by an upgrade to that revision, or by suspend and resume for what etcd knows",
			known.GetGeneration(), m.GetGeneration(), short(m.GetRevision())), ""
	case o.restored:
		sentence = "its stamp is taken over again, with its backups"
	default:
		sentence = "nothing to do"
	}
	return alreadyThere, sentence, fmt.Sprintf("operations/%s.%d", strings.TrimPrefix(m.GetTenant(), "tenants/"), known.GetGeneration())
}

// describe is what comes back.
func describe(m *provisionerv1.StampManifest) string {
	state := "runs"
	switch {
	case m.GetWish().GetDeleteTime() != nil:
		state = "is deleted"
	case m.GetWish().GetSuspended():
		state = "is suspended"
	}
	return fmt.Sprintf("%q, %s, plan %s, in %s, %s", m.GetWish().GetDisplayName(), short(m.GetRevision()), m.GetWish().GetPlan(), strings.TrimPrefix(m.GetCell(), "cells/"), state)
}

func short(revision string) string { return strings.TrimPrefix(revision, "blueprints/") }
