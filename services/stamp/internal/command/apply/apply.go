// Package apply is the command `stamp apply`: wishes from files. It creates
// and changes, and never deletes.
package apply

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

// What a document came to.
const (
	created   = "created"
	changed   = "changed"
	unchanged = "unchanged"
)

type options struct {
	*session.Session
	client *client.Client
	files  []string
	wait   bool
}

// Command is `stamp apply`.
func Command(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	cmd := &cobra.Command{
		Use:   "apply -f FILE…",
		Short: "Create and change what files describe; never deletes",
		Long: `Create and change tenants, sources and blueprints from YAML documents. A document of a tenant or a
source has its kind and its name, and the fields of the API; a blueprint is what "blueprint publish"
takes. What a document does not mention stays as it is, and nothing is ever deleted.

Blueprints come first, then sources, then tenants, in whatever order the files have them.`,
		Example: `  stamp apply -f customers.yaml
  kubectl kustomize . | stamp apply -f -

  # customers.yaml
  kind: Tenant
  name: tenants/acme
  displayName: Acme Rockets
  blueprint: blueprints/helpdesk
  inputs: {admin_email: dana@acme.example}`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if len(o.files) == 0 {
				return exit.Usagef("say which files: stamp apply -f FILE, or -f - for stdin")
			}
			if o.client, err = s.Client(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringSliceVarP(&o.files, "file", "f", nil, "`files` to apply; \"-\" is stdin")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until every tenant is as wished")
	return cmd
}

// run checks all documents before it sends the first.
func run(ctx context.Context, o *options) error {
	var all []document
	for _, file := range o.files {
		documents, err := o.read(file)
		if err != nil {
			return err
		}
		all = append(all, documents...)
	}
	order(all)
	for _, d := range all {
		result, err := d.thing.send(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", d.where, err)
		}
		fmt.Fprintf(o.Out, "%s %s\n", d.thing.name(), result)
	}
	return nil
}
