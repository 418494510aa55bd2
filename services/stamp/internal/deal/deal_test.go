package deal

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"stampworks.dev/services/stamp/internal/client"
)

// The vector is that of the Standard Webhooks project's own libraries.
func TestSignKeepsToTheStandard(t *testing.T) {
	got, err := Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
		time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := Sign("whsec_%%", "x", time.Now(), nil); err == nil {
		t.Error("a secret that is none was taken")
	}
}

func TestTheSameDealIsTheSameEvent(t *testing.T) {
	once, again := Deal{Company: "Acme Rockets"}.Fill(time.Now()), Deal{Company: "Acme Rockets"}.Fill(time.Now().Add(time.Hour))
	if once.ID != "deal-acme-rockets" || once.ID != again.ID || once.EventID != again.EventID {
		t.Errorf("got %q %q, then %q %q", once.ID, once.EventID, again.ID, again.EventID)
	}
	if other := (Deal{Company: "Acme Rockets", EventID: "evt-2"}).Fill(time.Now()); other.ID != once.ID || other.EventID != "evt-2" {
		t.Errorf("another event of the same deal: got %q %q", other.ID, other.EventID)
	}
}

func TestEventHasWhatTheMappingReads(t *testing.T) {
	body, err := Event(Deal{Company: "Globex", Blueprint: "helpdesk", Plan: "standard", Inputs: map[string]any{"seats": 50}}.Fill(time.Now()).WithEmail())
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type, Timestamp string
		Data            struct {
			Deal    struct{ ID, Currency string }
			Company struct{ Name string }
			Inputs  map[string]any
			Plan    string
		}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339, got.Timestamp); err != nil || got.Type != "deal.won" || got.Data.Company.Name != "Globex" ||
		got.Data.Plan != "standard" || got.Data.Inputs["admin_email"] != "dana.ruiz@globex.example" || got.Data.Inputs["seats"] != 50.0 {
		t.Errorf("got %s", body)
	}
}

func TestSend(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		at, _ := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
		want, _ := Sign(secret, r.Header.Get("Webhook-Id"), time.Unix(at, 0), body)
		if r.URL.Path != "/hooks/demo" || r.Header.Get("Webhook-Signature") != want {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"delivery":"sources/demo/deliveries/1"}`))
	}))
	defer srv.Close()
	got, err := Send(t.Context(), Config{Address: srv.URL + "/", Source: "demo", Secret: secret}, Deal{Company: "Globex"})
	if err != nil || got.Status != http.StatusAccepted || got.Delivery != "sources/demo/deliveries/1" || got.TraceID == "" || got.EventID != "evt-deal-globex" {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = Send(t.Context(), Config{Address: srv.URL, Source: "demo", Secret: "whsec_AAAA"}, Deal{Company: "Globex"})
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusUnauthorized {
		t.Errorf("another secret: got %v", err)
	}
}
