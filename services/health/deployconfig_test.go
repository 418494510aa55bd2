package health_test

import (
	"testing"

	"stampworks.dev/pkg/config"
	"stampworks.dev/services/health"
)

// TestExampleConfig: what operators copy is what the service reads.
func TestExampleConfig(t *testing.T) {
	cfg := health.Default()
	if err := config.Load("../../deploy/config/health.yaml", &cfg, nil); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}
