package engine

import (
	"encoding/json"
	"fmt"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
)

// siteEntry is the rendered form of the ledger's site entry: what was asked,
// and, once the entry is PRESENT, what was given.
type siteEntry struct {
	Request json.RawMessage `json:"request"`
	Site    *driver.Site    `json:"site,omitempty"`
}

// requestOf reads what the site was asked for; empty when there is no entry.
func requestOf(e *pb.LedgerEntry) string {
	var s siteEntry
	if json.Unmarshal([]byte(e.GetRendered()), &s) != nil {
		return ""
	}
	return string(s.Request)
}

// siteOf reads the site that was given; nil when none was.
func siteOf(have *pb.Stamp) *driver.Site {
	var s siteEntry
	if json.Unmarshal([]byte(entry(have, kindSite, kindSite).GetRendered()), &s) != nil {
		return nil
	}
	return s.Site
}

func renderSite(request string, site *driver.Site) (string, error) {
	text, err := json.Marshal(siteEntry{Request: json.RawMessage(request), Site: site})
	if err != nil {
		return "", fmt.Errorf("render site: %w", err)
	}
	return string(text), nil
}
