package source

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type updateOptions struct {
	*session.Session
	settings
	client     *client.Client
	printer    *printer.Printer
	name, etag string
	mask       []string
}

func updateCommand(s *session.Session) *cobra.Command {
	o := &updateOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a source; only the flags that are given are changed",
		Example: `  stamp source update crm --mode APPROVE
  stamp source update crm --map plan='"standard"'
  stamp source update crm --secret ""    # makes a new one, and shows it this once`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Sources(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.name = names.Source(args[0])
			cmd.Flags().Visit(func(f *pflag.Flag) {
				if field, ok := fieldOf[f.Name]; ok {
					o.mask = append(o.mask, field)
				}
			})
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runUpdate(cmd.Context(), o)
		},
	}
	o.add(cmd)
	complete.Flags(cmd, s)
	cmd.Flags().StringVar(&o.etag, "etag", "", "change only what you saw")
	return cmd
}

func runUpdate(ctx context.Context, o *updateOptions) error {
	if len(o.mask) == 0 {
		return exit.Usagef("nothing to change: give at least one of the flags of stamp source update --help")
	}
	current := &registryv1.Source{}
	if slices.Contains(o.mask, "mapping") { // it is sent whole
		if err := o.client.Get(ctx, "/v1/"+o.name, nil, current); err != nil {
			return err
		}
	}
	mapping := current.GetMapping()
	if mapping == nil {
		mapping = &registryv1.Mapping{}
	}
	wish, err := o.source(mapping)
	if err != nil {
		return err
	}
	wish.Etag = cmp.Or(o.etag, current.GetEtag())
	changed := &registryv1.Source{}
	if err := o.client.Patch(ctx, "/v1/"+o.name, url.Values{"update_mask": {strings.Join(o.mask, ",")}}, wish, changed); err != nil {
		return err
	}
	if err := Keep(o.Session, o.client, changed, o.secret); err != nil {
		o.Say("the secret is not kept for \"stamp source send\": %v", err)
	}
	if o.printer.ForPeople() {
		showSecret(o.Session, changed)
	}
	return printer.One(o.printer, view(o.printer.Now()), changed)
}
