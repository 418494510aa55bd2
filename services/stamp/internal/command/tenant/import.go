package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/dump"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type importOptions struct {
	changeOptions
	wish     wishFlags
	id       string
	dump, as string
}

func importCommand(s *session.Session) *cobra.Command {
	o := &importOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "import TENANT --dump FILE",
		Short: "Bring in a customer whose copy was made by hand",
		Long: `Bring in a customer whose copy was made by hand: a new tenant begins with what its product was
saved to. FILE, or all that is in the directory FILE, is sent to the cell and kept as a backup; the
restore jobs of the blueprint find it in their backup directory, under the same names, and migrate
brings it to the revision.

The names must be those that the blueprint's own backup job writes: say --as when the file has another.
A file that no restore job looks for is not sent.
When the tenant cannot be made of it, it is FAILED and says why; the backup stays for 30 days. Purge
that tenant and import again under another id, or create one with --restore-from.`,
		Example: `  stamp tenant import acme --dump helpdesk.dump --blueprint helpdesk --input admin_email=dana@acme.example --wait
  stamp tenant import acme --dump ~/acme-2026-11-27.pgdump --as helpdesk.dump --blueprint helpdesk@1.0.0 \
      --input admin_email=dana@acme.example --cell eu-1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.id = args[0]
			if err := o.open(); err != nil {
				return err
			}
			return runImport(cmd.Context(), o)
		},
	}
	o.wish.add(cmd, s)
	o.flags(cmd)
	cmd.Flags().StringVar(&o.dump, "dump", "", "the `FILE` or directory that the product was saved to")
	cmd.Flags().StringVar(&o.as, "as", "", "the `NAME` of that file for the restore job (default: its own)")
	return cmd
}

func runImport(ctx context.Context, o *importOptions) error {
	if o.dump == "" {
		return exit.Usagef("say what to bring in with --dump FILE")
	}
	files, err := dump.Open(o.dump, o.as)
	if err != nil {
		return exit.Usagef("--dump %s", printer.Safe(fmt.Sprintf("%s: %v", o.dump, err)))
	}
	if o.wish.displayName == "" {
		o.wish.displayName = o.id
	}
	wish, err := o.wish.tenant(ctx, o.client, "")
	if err != nil {
		return err
	}
	if wish.Cell == "" {
		if wish.Cell, err = onlyCell(ctx, o.client); err != nil {
			return err
		}
	} else if err := cellIs(ctx, o.client, wish.GetCell()); err != nil {
		return err
	}
	// What is wrong with the wish is told before anything is sent.
	create := url.Values{"tenant_id": {o.id}}
	check := url.Values{"tenant_id": {o.id}, "validate_only": {"true"}}
	checked, tenant := &longrunningpb.Operation{}, &registryv1.Tenant{}
	if err := o.client.Post(ctx, "/v1/tenants", check, wish, checked); err != nil {
		return err
	}
	if err := checked.GetResponse().UnmarshalTo(tenant); err != nil {
		return fmt.Errorf("read the tenant as it would be: %w", err)
	}
	wish.Blueprint = tenant.GetBlueprint() // the newest of before stays the one
	if err := o.foundBy(ctx, wish.GetBlueprint(), files); err != nil {
		return err
	}
	kept, err := send(ctx, o, files, wish)
	if err != nil {
		return err
	}
	o.Say("sent %d files; they are kept as %s", kept.GetFiles(), names.Short(kept.GetName()))
	wish.RestoreFrom = kept.GetName()
	op := &longrunningpb.Operation{}
	if err := o.client.Post(ctx, "/v1/tenants", create, wish, op); err != nil {
		return err
	}
	return o.finish(ctx, op)
}

// onlyCell is the cell to send to when nobody says and there is no choice.
func onlyCell(ctx context.Context, c *client.Client) (string, error) {
	all := &registryv1.ListCellsResponse{}
	if err := client.List(ctx, c, "/v1/cells", nil, true, all); err != nil {
		return "", err
	}
	var open []string
	for _, cell := range all.GetCells() {
		if !cell.GetCordoned() {
			open = append(open, cell.GetName())
		}
	}
	if len(open) != 1 {
		return "", exit.Usagef("say which cell keeps it with --cell, and makes the copy there: stamp cell list")
	}
	return open[0], nil
}

// send sends the files twice through: once to know their sum, once for good.
func send(ctx context.Context, o *importOptions, files *dump.Dump, wish *registryv1.Tenant) (*provisionerv1.Backup, error) {
	sum := sha256.New()
	size, err := files.WriteTo(sum)
	if err != nil {
		return nil, err
	}
	query := url.Values{"revision": {wish.GetBlueprint()}, "cell": {wish.GetCell()}, "sha256": {hex.EncodeToString(sum.Sum(nil))}}
	read, write := io.Pipe()
	sent := make(chan struct{})
	go func() { // ends with the request, which closes read
		defer close(sent)
		_, err := files.WriteTo(write)
		_ = write.CloseWithError(err)
	}()
	defer func() { _ = read.Close(); <-sent }()
	o.Say("sending %d bytes to %s", size, names.Short(wish.GetCell()))
	resp, err := o.client.Raw(ctx, http.MethodPost, "/v1/tenants/"+o.id+"/backups:import", query, read, "application/json")
	if err != nil {
		return nil, told(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	b := &provisionerv1.Backup{}
	if err == nil {
		err = (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, b)
	}
	return b, err
}

// told says what to do about a refused import.
func told(err error) error {
	var problem *client.Problem
	if errors.As(err, &problem) && strings.HasPrefix(problem.Reason, "IMPORT_DIGEST") {
		return &exit.Error{Code: exit.Failure, Message: err.Error(), Next: "the files changed while they were sent, or the way spoils them: run it again"}
	}
	return err
}
