// Package client speaks to the gateway over REST, as every tool does: JSON by
// the protobuf mapping, a bearer token, and problems by RFC 9457.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// DefaultTimeout bounds one call that does not stream.
const DefaultTimeout = 30 * time.Second

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// Config says where the gateway is and who calls.
type Config struct {
	// Address is the gateway's base URL, such as "http://127.0.0.1:8080".
	Address string
	// Token is sent as a bearer token; empty sends none.
	Token string
}

// Client calls the gateway. It is safe for concurrent use.
type Client struct {
	cfg  Config
	http *http.Client
}

// New makes a client. It does not connect.
func New(cfg Config) *Client {
	cfg.Address = strings.TrimRight(cfg.Address, "/")
	return &Client{cfg: cfg, http: &http.Client{}}
}

// Address is the gateway's base URL.
func (c *Client) Address() string { return c.cfg.Address }

// Get reads a resource into out.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out proto.Message) error {
	return c.call(ctx, http.MethodGet, path, query, nil, out)
}

// Post sends a message; a nil one is an empty object.
func (c *Client) Post(ctx context.Context, path string, query url.Values, in, out proto.Message) error {
	return c.call(ctx, http.MethodPost, path, query, in, out)
}

// Patch changes a resource.
func (c *Client) Patch(ctx context.Context, path string, query url.Values, in, out proto.Message) error {
	return c.call(ctx, http.MethodPatch, path, query, in, out)
}

// Delete deletes a resource.
func (c *Client) Delete(ctx context.Context, path string, query url.Values, out proto.Message) error {
	return c.call(ctx, http.MethodDelete, path, query, nil, out)
}

// call sends one request and decodes its answer. An answer that is not 2xx is
// a *Problem; no answer at all is an *Unreachable.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	body, err := encode(method, in)
	if err != nil {
		return err
	}
	resp, err := c.Raw(ctx, method, path, query, body, "application/json")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read answer of %s %s: %w", method, path, err)
	}
	if out == nil {
		return nil
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, out); err != nil {
		return fmt.Errorf("decode answer of %s %s: %w", method, path, err)
	}
	return nil
}

func encode(method string, in proto.Message) (io.Reader, error) {
	switch {
	case in != nil:
		text, err := protojson.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		return bytes.NewReader(text), nil
	case method == http.MethodPost:
		return strings.NewReader("{}"), nil
	}
	return nil, nil // a request without a body
}

// Raw sends a request and gives a good answer's response, whose body the
// caller closes.
func (c *Client) Raw(ctx context.Context, method, path string, query url.Values, body io.Reader, accept string) (*http.Response, error) {
	target := c.cfg.Address + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "stamp")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	resp, err := c.http.Do(req)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err()
	case err != nil:
		return nil, &UnreachableError{Address: c.cfg.Address, Cause: err}
	case resp.StatusCode/100 != 2:
		return nil, ReadProblem(resp)
	}
	return resp, nil
}

// Stream reads an NDJSON stream and gives each line's result to each, until
// the stream or the context ends or each returns an error.
func (c *Client) Stream(ctx context.Context, path string, query url.Values, each func(line json.RawMessage) error) error {
	resp, err := c.Raw(ctx, http.MethodGet, path, query, nil, "application/x-ndjson")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	decoder := json.NewDecoder(resp.Body)
	for {
		var envelope struct {
			Result json.RawMessage `json:"result"`
			Error  *Problem        `json:"error"`
		}
		switch err := decoder.Decode(&envelope); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return &UnreachableError{Address: c.cfg.Address, Cause: err}
		case envelope.Error != nil:
			return envelope.Error
		}
		if err := each(envelope.Result); err != nil {
			return err
		}
	}
}
