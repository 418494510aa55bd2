// Package sample brings the sample product, helpdesk, and a CRM that sells it
// to a Stampworks: what `stamp dev --demo` shows and `stamp demo` proves.
package sample

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/deal"
	"stampworks.dev/services/stamp/internal/recipe"
	"stampworks.dev/services/stamp/internal/secretfile"
)

// SourceID is the sample CRM's.
const SourceID = "crm"

// cellWithin is how long a cell may take to say what it has.
const cellWithin = 15 * time.Second

// Product is what is sold.
type Product struct {
	// Blueprint is "helpdesk", or "helpdesk-lite" without PostgreSQL.
	Blueprint, Revision string
	// Database says which database it has, and its version when it is known.
	Database string
	// Kept says that the revision was published before with another build of
	// the program, and stays as it was.
	Kept bool
	// Components in the order of the recipe.
	Components []string
}

// Options choose the product.
type Options struct {
	// Lite takes SQLite even where PostgreSQL is.
	Lite bool
	// Revision is "1.0.0" when empty.
	Revision string
}

// Publish publishes the product that the cell can run, and says which.
func Publish(ctx context.Context, api *client.Client, opts Options) (Product, error) {
	cell, err := Cell(ctx, api)
	if err != nil {
		return Product{}, err
	}
	p := Product{Blueprint: "helpdesk-lite", Revision: opts.Revision, Database: "SQLite"}
	if p.Revision == "" {
		p.Revision = "1.0.0"
	}
	if version, has := cell.GetStatus().GetPrograms()["postgres"]; has && !opts.Lite {
		p.Blueprint, p.Database = "helpdesk", strings.TrimSpace("PostgreSQL "+version)
	}
	folder, err := blueprints()
	if err != nil {
		return Product{}, err
	}
	prepared, err := recipe.Prepare(filepath.Join(folder, p.Blueprint+"-"+p.Revision+".yaml"))
	if err != nil {
		return Product{}, err
	}
	revision, err := recipe.Publish(ctx, api, prepared)
	if problem := (*client.Problem)(nil); errors.As(err, &problem) && problem.Reason == "REVISION_IMMUTABLE" {
		// The program was built anew since; a published revision stays what it is.
		p.Kept = true
		revision = &registryv1.Revision{}
		err = api.Get(ctx, "/v1/blueprints/"+p.Blueprint+"/revisions/"+p.Revision, nil, revision)
	}
	if err != nil {
		return Product{}, fmt.Errorf("publish %s %s: %w", p.Blueprint, p.Revision, err)
	}
	for _, name := range []string{"db", "queue", "app", "worker", "edge"} {
		if _, has := revision.GetRecipe().GetComponents()[name]; has {
			p.Components = append(p.Components, name)
		}
	}
	return p, nil
}

// Cell waits for the first cell that can be reached and says what it has: before
// that, nobody knows whether there is a PostgreSQL.
func Cell(ctx context.Context, api *client.Client) (*registryv1.Cell, error) {
	ctx, cancel := context.WithTimeout(ctx, cellWithin)
	defer cancel()
	for {
		var cells registryv1.ListCellsResponse
		err := api.Get(ctx, "/v1/cells", nil, &cells)
		for _, cell := range cells.GetCells() {
			if err == nil && cell.GetStatus().GetReachable() && len(cell.GetStatus().GetAllocatable()) > 0 {
				return cell, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a cell: %w", errors.Join(err, context.Cause(ctx)))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// blueprints finds the sample product's folder: below the working folder, or
// beside the folder of this program.
func blueprints() (string, error) {
	const path = "deploy/products/helpdesk/blueprints"
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	for _, root := range []string{filepath.Join(filepath.Dir(program), ".."), "."} {
		folder := filepath.Join(root, path)
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder, nil
		}
	}
	return "", fmt.Errorf("find the sample product: no folder %s; run this in a clone of Stampworks, after make build", path)
}

// Source makes the sample CRM's source, in mode AUTO, and keeps its secret
// below dir. Where it is already, it gets a new one.
func Source(ctx context.Context, api *client.Client, dir string) (deal.Config, error) {
	cfg := deal.Config{Address: api.Address(), Source: SourceID}
	var made registryv1.Source
	err := api.Post(ctx, "/v1/sources", url.Values{"source_id": {SourceID}}, &registryv1.Source{
		Kind: registryv1.Source_STANDARD, Mode: registryv1.Source_AUTO, DisplayName: "Sample CRM", MaxCreatesPerHour: 100,
	}, &made)
	if problem := (*client.Problem)(nil); errors.As(err, &problem) && problem.Status == http.StatusConflict {
		err := renew(ctx, api, &cfg, dir)
		return cfg, err
	}
	if err != nil {
		return cfg, fmt.Errorf("create source %s: %w", SourceID, err)
	}
	cfg.Secret = made.GetGeneratedSecret()
	return cfg, secretfile.Write(dir, api.Address(), SourceID, cfg.Secret)
}

// renew gives a source that was made before a new secret: the one that is kept
// may be of another data folder that had this address. The old one proves
// messages for a while longer.
func renew(ctx context.Context, api *client.Client, cfg *deal.Config, dir string) error {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails (crypto/rand)
	cfg.Secret = "whsec_" + base64.StdEncoding.EncodeToString(key)
	err := api.Patch(ctx, "/v1/sources/"+SourceID, url.Values{"update_mask": {"secret"}}, &registryv1.Source{Secret: cfg.Secret}, nil)
	if err != nil {
		return fmt.Errorf("renew the secret of source %s: %w", SourceID, err)
	}
	return secretfile.Write(dir, api.Address(), SourceID, cfg.Secret)
}

// Deal is one that sells a product to a company.
func Deal(p Product, company string) deal.Deal {
	return deal.Deal{Company: company, Blueprint: p.Blueprint, Plan: "standard", Amount: 48000}.Fill(time.Now()).WithEmail()
}

// outcomeWithin is how long a delivery may wait to be worked on.
const outcomeWithin = 15 * time.Second

// Await waits until a delivery was worked on, and gives it.
func Await(ctx context.Context, api *client.Client, name string) (*registryv1.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, outcomeWithin)
	defer cancel()
	for {
		var d registryv1.Delivery
		err := api.Get(ctx, "/v1/"+name, nil, &d)
		if err == nil && d.GetOutcome() != registryv1.Delivery_OUTCOME_UNSPECIFIED && d.GetOutcome() != registryv1.Delivery_RETRYING {
			return &d, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the outcome of %s (%s %s): %w", name, d.GetOutcome(), d.GetReason(), errors.Join(err, context.Cause(ctx)))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
