package client

import (
	"context"
	"net/url"
	"strconv"

	"google.golang.org/protobuf/proto"
)

// largestPage is how many the services give at once.
const largestPage = 1000

// Page is the response of a list (AIP-158).
type Page interface {
	proto.Message
	GetNextPageToken() string
}

// List reads a list into out: one page, or with all set every page, joined
// into one.
func List[P Page](ctx context.Context, c *Client, path string, query url.Values, all bool, out P) error {
	asked := url.Values{}
	for key, values := range query {
		asked[key] = values
	}
	if all {
		asked.Set("page_size", strconv.Itoa(largestPage))
	}
	for {
		page, _ := out.ProtoReflect().New().Interface().(P)
		if err := c.Get(ctx, path, asked, page); err != nil {
			return err
		}
		token := out.ProtoReflect().Descriptor().Fields().ByName("next_page_token")
		out.ProtoReflect().Clear(token)
		proto.Merge(out, page)
		if !all || page.GetNextPageToken() == "" {
			return nil
		}
		asked.Set("page_token", page.GetNextPageToken())
	}
}
