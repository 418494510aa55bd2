package listing

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
)

// maxToken is the longest token that is looked at.
const maxToken = 4096

// token is where a page ended, and in the answer to what.
type token struct {
	Query string   `json:"q"`
	After []string `json:"a"`
}

func encodeToken(q Query, keys []string) string {
	raw, err := json.Marshal(token{Query: fingerprint(q), After: keys})
	if err != nil {
		return "" // strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// decodeToken gives the keys of the last item of the page before; nil for the
// first page.
func decodeToken(q Query, orders int) ([]string, error) {
	if q.Token == "" {
		return nil, nil
	}
	if len(q.Token) > maxToken {
		return nil, refuse(ReasonPageToken, "page_token", "is too long")
	}
	raw, err := base64.RawURLEncoding.DecodeString(q.Token)
	var t token
	if err != nil || json.Unmarshal(raw, &t) != nil || len(t.After) == 0 {
		return nil, refuse(ReasonPageToken, "page_token", "is not one that a list gave")
	}
	if t.Query != fingerprint(q) || len(t.After) != orders+1 {
		return nil, refuse(ReasonPageToken, "page_token", "belongs to a query with another filter, order_by or parent")
	}
	return t.After, nil
}

// fingerprint covers what must not change between pages; the size may.
func fingerprint(q Query) string {
	sum := sha256.New()
	for _, part := range []string{q.Scope, q.Filter, q.OrderBy} {
		one := sha256.Sum256([]byte(part))
		sum.Write(one[:])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
