package tenantregistry_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestWhatFailsHereIsTriedAgain(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{Mode: registryv1.Source_AUTO})
	client, key := testkit.Etcd(t).Client(t), r.cfg.Prefix+"blueprints/helpdesk/1.0.0"
	good, err := client.Get(ctx(t), key)
	if err != nil || len(good.Kvs) != 1 {
		t.Fatal(good, err)
	}
	broken := &registryv1.Revision{}
	if err := proto.Unmarshal(good.Kvs[0].Value, broken); err != nil {
		t.Fatal(err)
	}
	broken.Recipe.Components = nil // as a version that cannot read it would find it
	raw, err := proto.Marshal(broken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Put(ctx(t), key, string(raw)); err != nil {
		t.Fatal(err)
	}
	name := c.send(t, "ev_1", deal("42", "Acme"))
	got := c.outcome(t, name, registryv1.Delivery_RETRYING)
	if got.GetNextAttemptTime() == nil || got.GetAttempts() != 1 || got.GetReason() == "" {
		t.Errorf("put off: %v", got)
	}
	if _, err := client.Put(ctx(t), key, string(good.Kvs[0].Value)); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 15*time.Second, func() error {
		got, err := c.intake.GetDelivery(ctx(t), &registryv1.GetDeliveryRequest{Name: name})
		if err == nil && got.GetOutcome() != registryv1.Delivery_CREATED {
			err = fmt.Errorf("outcome %s after %d attempts", got.GetOutcome(), got.GetAttempts())
		}
		return err
	})
}

func TestMetricsCountFromTheStart(t *testing.T) {
	r := start(t)
	c := r.crm(t, &registryv1.Source{})
	c.outcome(t, c.send(t, "ev_1", deal("1", "Acme")), registryv1.Delivery_WOULD_CREATE)
	resp, err := http.Get("http://" + r.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`stampworks_tenants{stampworks_state="FAILED"} 0`, `stampworks_deliveries_total{stampworks_outcome="WOULD_CREATE",stampworks_source="crm"} 1`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}
