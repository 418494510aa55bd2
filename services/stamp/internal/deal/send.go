package deal

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stampworks.dev/services/stamp/internal/client"
)

// answerWithin is how long a source has to answer: what patient CRMs wait.
const answerWithin = 15 * time.Second

// Config says where a deal goes and how it is signed.
type Config struct {
	// Address is the gateway's base URL.
	Address string
	// Source is the source's id.
	Source string
	// Secret is the source's, "whsec_…".
	Secret string
}

// Receipt is how a source answered.
type Receipt struct {
	// Status is the HTTP status, always 2xx.
	Status int
	// Body is what was answered.
	Body []byte
	// EventID is the message's id, as it was sent.
	EventID string
	// Delivery is the name under which it was stored; empty when the answer
	// did not say.
	Delivery string
	// TraceID is the request's trace.
	TraceID string
	// Took is from sending to the answer.
	Took time.Duration
}

// Sign proves a message by Standard Webhooks 1.0: the value of the header
// webhook-signature.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return "", errors.New("the secret is not one of Standard Webhooks: want whsec_ and base64")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// Send posts a deal. An answer that is not 2xx is a *client.Problem, no
// answer a *client.UnreachableError.
func Send(ctx context.Context, cfg Config, d Deal) (Receipt, error) {
	d = d.Fill(time.Now())
	body, err := Event(d)
	if err != nil {
		return Receipt{}, err
	}
	return Post(ctx, cfg, d.EventID, body)
}

// Post signs and posts a message of any content under an event's id.
func Post(ctx context.Context, cfg Config, eventID string, body []byte) (Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	now := time.Now()
	signature, err := Sign(cfg.Secret, eventID, now, body)
	if err != nil {
		return Receipt{}, err
	}
	address := strings.TrimRight(cfg.Address, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/hooks/"+cfg.Source, bytes.NewReader(body))
	if err != nil {
		return Receipt{}, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "stamp")
	req.Header.Set("Webhook-Id", eventID)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Webhook-Signature", signature)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Receipt{}, &client.UnreachableError{Address: address, Cause: err}
	}
	defer func() { _ = resp.Body.Close() }()
	return receive(resp, Receipt{EventID: eventID, TraceID: resp.Header.Get("X-Trace-Id"), Took: time.Since(now)})
}

func receive(resp *http.Response, r Receipt) (Receipt, error) {
	if resp.StatusCode/100 != 2 {
		return r, client.ReadProblem(resp)
	}
	var err error
	if r.Body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err != nil {
		return r, fmt.Errorf("read answer: %w", err)
	}
	var said struct {
		Delivery string `json:"delivery"`
	}
	if json.Unmarshal(r.Body, &said) == nil {
		r.Delivery = said.Delivery
	}
	r.Status = resp.StatusCode
	return r, nil
}
