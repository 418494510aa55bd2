package health

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/pkg/testkit"
)

// An operator may want no customers' names in the metrics.
func TestMetricsOfTenants(t *testing.T) {
	for _, hide := range []bool{false, true} {
		t.Run(fmt.Sprintf("hidden %v", hide), func(t *testing.T) {
			t.Parallel()
			tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: "health"}, telemetry.Deps{})
			if err != nil {
				t.Fatal(err)
			}
			stamp := stampOf(newCustomer(t).url)
			stamp.Revision = "blueprints/helpdesk/revisions/1.0.0"
			site := newPlant(t, &provisioner{stamps: []*provisionerv1.Stamp{stamp}})
			site.telemetry, site.hide = tel, hide
			client, _ := site.run(t, "one")
			await(t, client, typev1.HealthState_HEALTHY, up)
			testkit.Eventually(t, 20*time.Second, func() error {
				page := metricsPage(tel)
				if !strings.Contains(page, "\nstampworks_claims 1\n") {
					return fmt.Errorf("the claim is not counted:\n%s", page)
				}
				for _, want := range []string{
					`stampworks_tenant_health{stampworks_state="HEALTHY",stampworks_tenant="acme"} 1`,
					`stampworks_tenant_info{stampworks_cell="local",stampworks_revision="blueprints/helpdesk/revisions/1.0.0",stampworks_tenant="acme"} 1`,
					`stampworks_tenant_probe_seconds{stampworks_component="app",stampworks_tenant="acme"} `,
					`stampworks_tenant_probe_seconds{stampworks_component="endpoint",stampworks_tenant="acme"} `,
				} {
					if strings.Contains(page, want) == hide {
						return fmt.Errorf("hidden %v: %s\n%s", hide, want, page)
					}
				}
				return nil
			})
			if hide && strings.Contains(metricsPage(tel), "acme") {
				t.Errorf("a customer's name is in\n%s", metricsPage(tel))
			}
		})
	}
}

func metricsPage(tel *telemetry.Telemetry) string {
	page := httptest.NewRecorder()
	tel.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return page.Body.String()
}
