// Package apply is the command `stamp apply`: wishes from files. It creates
// and changes, and never deletes.
package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
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
	client  *client.Client
	printer *printer.Printer
	files   []string
	wait    bool
	now     bool
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

Changes that upgrade or restart a copy begin in its tenant's maintenance window, if it has one; --now does
not wait for it.

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
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringSliceVarP(&o.files, "file", "f", nil, "`files` to apply; \"-\" is stdin")
	cmd.Flags().BoolVar(&o.now, "now", false, "do not wait for maintenance windows")
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
	results := []applied{}
	for _, d := range all {
		result, err := d.thing.send(ctx, o)
		if err != nil {
			// What was done stays done, and its secrets are told only once.
			return errors.Join(fmt.Errorf("%s: %w", d.where, err), o.summary(results))
		}
		result.Name = d.thing.name()
		results = append(results, result)
		if err := o.line(result); err != nil {
			return err
		}
	}
	return o.summary(results)
}

// applied is what became of one document.
type applied struct {
	Name   string `json:"name"`
	Result string `json:"result"`
	// WebhookURL and GeneratedSecret are of a source that was created; the
	// secret is shown this once.
	WebhookURL      string `json:"webhookUrl,omitempty"`
	GeneratedSecret string `json:"generatedSecret,omitempty"`
}

// line tells of one document at once, where that is the form.
func (o *options) line(a applied) error {
	text := a.Name + " " + a.Result
	switch o.printer.Format {
	case printer.JSON, printer.YAML:
		return nil
	case printer.Name:
		text = a.Name
	}
	if a.GeneratedSecret != "" {
		o.Say("%s: URL %s, secret %s, shown this once", a.Name, a.WebhookURL, a.GeneratedSecret)
	}
	_, err := fmt.Fprintln(o.Out, text)
	return err
}

// summary is all of it as one object, for programs.
func (o *options) summary(all []applied) error {
	if o.printer.Format != printer.JSON && o.printer.Format != printer.YAML {
		return nil
	}
	text, err := json.Marshal(map[string]any{"results": all})
	if err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	return o.printer.Raw(text)
}
