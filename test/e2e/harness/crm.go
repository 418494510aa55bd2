package harness

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// CRM is a sender of signed messages (Standard Webhooks 1.0).
type CRM struct {
	api    *API
	ID     string
	Secret string
}

// Source creates a source that makes tenants by itself.
func (a *API) Source(id string, mode registryv1.Source_Mode) *CRM {
	a.t.Helper()
	var made registryv1.Source
	a.Must(a.Call(http.MethodPost, "/v1/sources?source_id="+id, &registryv1.Source{
		Kind: registryv1.Source_STANDARD, Mode: mode, DisplayName: "Test CRM", MaxCreatesPerHour: 1000,
	}, &made))
	if made.GetGeneratedSecret() == "" {
		a.t.Fatalf("source %s has no secret", id)
	}
	return &CRM{api: a, ID: id, Secret: made.GetGeneratedSecret()}
}

// On gives the same CRM for a subtest.
func (c *CRM) On(t testing.TB) *CRM { return &CRM{api: c.api.On(t), ID: c.ID, Secret: c.Secret} }

// Named gives the CRM that posts to another source with this one's secret.
func (c *CRM) Named(id string) *CRM { return &CRM{api: c.api, ID: id, Secret: c.Secret} }

// Deal is what the CRM says about a sale.
type Deal struct {
	Company, ID, Event, Blueprint, Plan string
	// Inputs are those of the blueprint. Default: an admin_email.
	Inputs map[string]any
	// At is when the message is signed. Default now.
	At time.Time
	// Signature replaces the right one.
	Signature string
}

func (d Deal) filled() Deal {
	d.ID = cmp.Or(d.ID, "deal-"+Slug(d.Company))
	d.Event = cmp.Or(d.Event, "evt-"+d.ID)
	d.Plan = cmp.Or(d.Plan, "standard")
	if d.Inputs == nil {
		d.Inputs = map[string]any{"admin_email": "admin@customer.example"}
	}
	if d.At.IsZero() {
		d.At = time.Now()
	}
	return d
}

// Body is the message as JSON.
func (d Deal) Body() []byte {
	d = d.filled()
	text, err := json.Marshal(map[string]any{
		"type": "deal.won", "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
		"data": map[string]any{
			"deal":    map[string]any{"id": d.ID, "name": d.Company, "amount": 48000, "currency": "EUR", "owner": "Sam Okafor"},
			"company": map[string]any{"name": d.Company}, "contact": map[string]any{"name": "Dana Ruiz", "email": "dana@customer.example"},
			"blueprint": d.Blueprint, "plan": d.Plan, "inputs": d.Inputs,
		},
	})
	if err != nil {
		panic(fmt.Sprintf("a deal that is no JSON: %v", err)) // a mistake in a test
	}
	return text
}

// Won sends a signed deal and gives the answer.
func (c *CRM) Won(d Deal) Answer {
	c.api.t.Helper()
	answer, err := c.Try(d)
	if err != nil {
		c.api.t.Fatalf("send deal: %v", err)
	}
	return answer
}

// Try is Won that gives the error when there is no answer.
func (c *CRM) Try(d Deal) (Answer, error) {
	d = d.filled()
	return c.post(d.Event, d.At, d.Body(), d.Signature)
}

// Post sends any body, signed unless a signature is given.
func (c *CRM) Post(event string, at time.Time, body []byte, signature string) Answer {
	c.api.t.Helper()
	answer, err := c.post(event, at, body, signature)
	if err != nil {
		c.api.t.Fatalf("send message: %v", err)
	}
	return answer
}

func (c *CRM) post(event string, at time.Time, body []byte, signature string) (Answer, error) {
	anybody := &API{t: c.api.t, Address: c.api.Address}
	return anybody.try(http.MethodPost, "/hooks/"+c.ID, body,
		Header{"Webhook-Id", event}, Header{"Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10)},
		Header{"Webhook-Signature", cmp.Or(signature, c.Sign(event, at, body))})
}

// Sign is the signature of a message.
func (c *CRM) Sign(event string, at time.Time, body []byte) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.Secret, "whsec_"))
	if err != nil {
		c.api.t.Fatalf("decode secret: %v", err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", event, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Delivery waits until the delivery that an answer names was worked on.
func (c *CRM) Delivery(answer Answer) *registryv1.Delivery {
	c.api.t.Helper()
	var said struct {
		Delivery string `json:"delivery"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil || answer.Status/100 != 2 || said.Delivery == "" {
		c.api.t.Fatalf("the delivery was not taken: %d %s", answer.Status, answer.Body)
	}
	var d registryv1.Delivery
	testkit.Eventually(c.api.t, 15*time.Second, func() error {
		if err := c.api.Read("/v1/"+said.Delivery, &d); err != nil {
			return err
		}
		if d.GetOutcome() == registryv1.Delivery_OUTCOME_UNSPECIFIED || d.GetOutcome() == registryv1.Delivery_RETRYING {
			return fmt.Errorf("%s: %s %s", said.Delivery, d.GetOutcome(), d.GetReason())
		}
		return nil
	})
	return &d
}

// Slug is a plain name as ids have it.
func Slug(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "-")) }
