package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/coder/websocket"
)

// largestMessage bounds one message of a talk, in bytes.
const largestMessage = 1 << 20

// Talk opens a WebSocket, which the caller closes. An answer that is none is a
// *Problem; no answer at all is an *Unreachable.
func (c *Client) Talk(ctx context.Context, path string, query url.Values) (*websocket.Conn, error) {
	header := http.Header{"User-Agent": {"stamp"}}
	if c.cfg.Token != "" {
		header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	ws, resp, err := websocket.Dial(ctx, c.cfg.Address+path+"?"+query.Encode(), &websocket.DialOptions{HTTPClient: c.http, HTTPHeader: header}) //nolint:bodyclose // "you never need to close it": package websocket
	switch {
	case err == nil:
		ws.SetReadLimit(largestMessage)
		return ws, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err()
	case resp == nil || resp.StatusCode/100 == 1:
		return nil, &UnreachableError{Address: c.cfg.Address, Cause: err}
	}
	return nil, ReadProblem(resp)
}
