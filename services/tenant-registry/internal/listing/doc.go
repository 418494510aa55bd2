// Package listing does what every List method needs over items in memory: the
// filter language of AIP-160, order by of AIP-132, and pages of AIP-158.
//
// A page ends with a token that names the last item and its sort keys, so the
// next page begins after it even when items came and went between. The token is
// bound to the query: with another filter or order it is refused.
//
// Example:
//
//	var tenants = listing.Schema[*Tenant]{
//		ID:     func(t *Tenant) string { return t.Name },
//		Fields: map[string]listing.Field[*Tenant]{"plan": listing.Text((*Tenant).GetPlan)},
//	}
//	page, err := tenants.Page(all, listing.Query{Filter: `plan = pro`, OrderBy: "plan desc", Size: 50})
package listing
