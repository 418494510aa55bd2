package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// insistFor is how long a script tries again while services are away.
const insistFor = 2 * time.Minute

// Insist makes a call again and again until it is taken, as a script does that
// knows of outages; what is refused for good fails the test.
func (a *API) Insist(method, path string, send proto.Message) {
	a.t.Helper()
	a.insist(method, path, send, func(Answer) bool { return false })
}

func (a *API) insist(method, path string, send proto.Message, done func(Answer) bool) {
	a.t.Helper()
	body := []byte("{}")
	if send != nil {
		var err error
		if body, err = protojson.Marshal(send); err != nil {
			a.t.Fatal(err)
		}
	}
	testkit.Eventually(a.t, insistFor, func() error {
		answer, err := a.try(method, path, body)
		switch {
		case err != nil:
			return err
		case answer.Status/100 == 2 || done(answer):
			return nil
		case answer.Status >= 500 || answer.Status == http.StatusTooManyRequests:
			return fmt.Errorf("%s %s: %d %s", method, path, answer.Status, answer.Body)
		}
		a.t.Fatalf("%s %s: %d %s", method, path, answer.Status, answer.Body)
		return nil
	})
}

// Purge insists on a tenant's end. That it has ended is what a repeat is told whose
// first answer was lost.
func (a *API) Purge(id string, send *registryv1.PurgeTenantRequest) {
	a.t.Helper()
	a.insist(http.MethodPost, "/v1/tenants/"+id+":purge", send, func(answer Answer) bool {
		return answer.Status == http.StatusNotFound && strings.Contains(string(answer.Body), "was purged")
	})
}

// Gone is an error until a tenant is purged.
func (a *API) Gone(id string) error {
	answer, err := a.try(http.MethodGet, "/v1/tenants/"+id, nil)
	if err != nil || answer.Status == http.StatusNotFound {
		return err
	}
	tenant, err := a.Tenant(id)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is still there, %s, obstacles %v, failure %v; %s", id, tenant.GetState(),
		tenant.GetStatus().GetObstacles(), tenant.GetStatus().GetFailure(), a.progress(tenant))
}

// Allocations tells what the machine still counts as given to stamps of a cell;
// empty when there is nothing.
func (p *Plane) Allocations(cell string) string {
	p.T.Helper()
	text, err := os.ReadFile("/var/lib/stampworks-host/allocations.json")
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		p.T.Fatal(err)
	}
	var host struct {
		Instances map[string]struct {
			DataDir string                     `json:"data_dir"`
			Stamps  map[string]json.RawMessage `json:"stamps"`
		} `json:"instances"`
	}
	if err := json.Unmarshal(text, &host); err != nil {
		p.T.Fatalf("read allocations: %v", err)
	}
	for _, i := range host.Instances {
		for uid, given := range i.Stamps {
			if i.DataDir == p.CellDir(cell) {
				return uid + " " + string(given)
			}
		}
	}
	return ""
}
