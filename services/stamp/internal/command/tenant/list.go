package tenant

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type listOptions struct {
	*session.Session
	client          *client.Client
	printer         *printer.Printer
	filter, orderBy string
	all, deleted    bool
}

func listCommand(s *session.Session) *cobra.Command {
	o := &listOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List customers",
		Example: `  stamp tenant list --order-by "create_time desc"
  stamp tenant list --filter 'state = FAILED OR plan = "enterprise"'
  stamp tenant list --all -o csv > billing.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.printer, err = s.Printer(printer.CSV); err != nil {
				return err
			}
			if o.client, err = s.Client(); err != nil {
				return err
			}
			return runList(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.filter, "filter", "", "only those for which it holds (AIP-160)")
	cmd.Flags().StringVar(&o.orderBy, "order-by", "", "`fields`, each with an optional desc")
	cmd.Flags().BoolVar(&o.all, "all", false, "every page, not just the first")
	cmd.Flags().BoolVar(&o.deleted, "show-deleted", false, "also those that were deleted")
	return cmd
}

func runList(ctx context.Context, o *listOptions) error {
	query := url.Values{}
	if o.filter != "" {
		query.Set("filter", o.filter)
	}
	if o.orderBy != "" {
		query.Set("order_by", o.orderBy)
	}
	if o.deleted {
		query.Set("show_deleted", "true")
	}
	if o.printer.Format == printer.CSV {
		return listCSV(ctx, o, query)
	}
	list := &registryv1.ListTenantsResponse{}
	if err := client.List(ctx, o.client, "/v1/tenants", query, o.all, list); err != nil {
		return err
	}
	switch {
	case len(list.GetTenants()) == 0:
		o.Say("no tenants")
	case list.GetNextPageToken() != "":
		o.Say("the first %d of %d; all of them with: --all", len(list.GetTenants()), list.GetTotalSize())
	}
	return printer.List(o.printer, view(o.printer.Now()), list, list.GetTenants())
}

// listCSV passes on the gateway's CSV: with --all every page, under the one
// heading.
func listCSV(ctx context.Context, o *listOptions, query url.Values) error {
	for page := 0; ; page++ {
		resp, err := o.client.Raw(ctx, http.MethodGet, "/v1/tenants", query, nil, "text/csv")
		if err != nil {
			return err
		}
		err = copyCSV(o.Out, resp.Body, page > 0)
		_ = resp.Body.Close()
		next := resp.Header.Get("X-Next-Page-Token")
		if err != nil || next == "" {
			return err
		}
		if !o.all {
			o.Say("this is the first page; all of them with: --all")
			return nil
		}
		query.Set("page_token", next)
	}
}

func copyCSV(out io.Writer, body io.Reader, skipHeading bool) error {
	lines := bufio.NewReader(body)
	if skipHeading {
		if _, err := lines.ReadString('\n'); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read csv: %w", err)
		}
	}
	_, err := io.Copy(out, lines)
	return err
}
