package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestListJoinsPages(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		n, next := len(asked), ""
		if n < 3 {
			next = fmt.Sprint(n)
		}
		_, _ = fmt.Fprintf(w, `{"tenants":[{"name":"tenants/t%d"}],"nextPageToken":%q,"totalSize":3}`, n, next)
	})
	query := url.Values{"filter": {"x"}}
	all := &registryv1.ListTenantsResponse{}
	if err := List(t.Context(), c, "/v1/tenants", query, true, all); err != nil {
		t.Fatal(err)
	}
	if len(all.GetTenants()) != 3 || all.GetNextPageToken() != "" || all.GetTotalSize() != 3 {
		t.Errorf("got %v", all)
	}
	if want := "filter=x&page_size=1000 filter=x&page_size=1000&page_token=1 filter=x&page_size=1000&page_token=2"; strings.Join(asked, " ") != want {
		t.Errorf("asked %q", asked)
	}
	if len(query) != 1 {
		t.Errorf("the caller's query was changed: %v", query)
	}
	asked = nil
	one := &registryv1.ListTenantsResponse{}
	if err := List(t.Context(), c, "/v1/tenants", query, false, one); err != nil || len(one.GetTenants()) != 1 || one.GetNextPageToken() != "1" {
		t.Errorf("one page: got %v, %v", one, err)
	}
}
