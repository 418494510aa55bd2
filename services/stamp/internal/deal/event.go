package deal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"
)

// Deal is what a CRM knows of a sale. Only Company is needed; see Fill for
// what the rest is when nobody says.
type Deal struct {
	// Company is the customer's name.
	Company string
	// ID is the deal's id in the CRM. Default "deal-" and its name.
	ID string
	// EventID is the message's id. Default "evt-" and the deal's id.
	EventID string
	// Name is the deal's own. Default: the company's.
	Name string
	// Amount is in whole units of Currency. Default 24000 EUR.
	Amount   float64
	Currency string
	// Owner is who sold it. Default "Sam Okafor".
	Owner string
	// URL is where the deal is in the CRM.
	URL string
	// ContactName and ContactEmail are the person at the customer. Default
	// "Dana Ruiz" at the company's example domain.
	ContactName, ContactEmail string
	// Blueprint, Plan and Region are what was sold.
	Blueprint, Plan, Region string
	// Inputs are what the blueprint asks of a deal. Default none.
	Inputs map[string]any
	// WonTime is when it was won. Default now.
	WonTime time.Time
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slug is a name as ids and domains write it.
func slug(name string) string {
	return cmp.Or(strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "-"), "-"), "unnamed")
}

// Fill gives the deal with what was left out.
func (d Deal) Fill(now time.Time) Deal {
	d.Name = cmp.Or(d.Name, d.Company)
	d.ID = cmp.Or(d.ID, "deal-"+slug(d.Name))
	d.EventID = cmp.Or(d.EventID, "evt-"+d.ID)
	d.Amount = cmp.Or(d.Amount, 24000)
	d.Currency = cmp.Or(d.Currency, "EUR")
	d.Owner = cmp.Or(d.Owner, "Sam Okafor")
	d.URL = cmp.Or(d.URL, "https://crm.example/deals/"+d.ID)
	d.ContactName = cmp.Or(d.ContactName, "Dana Ruiz")
	d.ContactEmail = cmp.Or(d.ContactEmail, strings.ReplaceAll(slug(d.ContactName), "-", ".")+"@"+slug(d.Company)+".example")
	if d.Inputs == nil {
		d.Inputs = map[string]any{}
	}
	if d.WonTime.IsZero() {
		d.WonTime = now
	}
	return d
}

// EmailInput is the input that products call their first administrator by.
const EmailInput = "admin_email"

// WithEmail gives the filled deal with the contact's address as EmailInput, unless
// it has one.
func (d Deal) WithEmail() Deal {
	inputs := map[string]any{EmailInput: d.ContactEmail}
	maps.Copy(inputs, d.Inputs)
	d.Inputs = inputs
	return d
}

type event struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      data   `json:"data"`
}

type data struct {
	Deal      sale           `json:"deal"`
	Company   company        `json:"company"`
	Contact   person         `json:"contact"`
	Blueprint string         `json:"blueprint"`
	Plan      string         `json:"plan"`
	Region    string         `json:"region"`
	Inputs    map[string]any `json:"inputs"`
}

type sale struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"`
	Owner    string  `json:"owner"`
	URL      string  `json:"url"`
}

type company struct {
	Name string `json:"name"`
}

type person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Event is the deal's message, "deal.won", as JSON: what a source of the kind
// STANDARD maps to a tenant by default.
func Event(d Deal) ([]byte, error) {
	d = d.Fill(time.Now())
	body, err := json.Marshal(event{
		Type: "deal.won", Timestamp: d.WonTime.UTC().Format(time.RFC3339Nano),
		Data: data{
			Deal:    sale{ID: d.ID, Name: d.Name, Amount: d.Amount, Currency: d.Currency, Owner: d.Owner, URL: d.URL},
			Company: company{Name: d.Company}, Contact: person{Name: d.ContactName, Email: d.ContactEmail},
			Blueprint: d.Blueprint, Plan: d.Plan, Region: d.Region, Inputs: d.Inputs,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encode deal %q: %w", d.ID, err)
	}
	return body, nil
}
