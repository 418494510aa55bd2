package gateway_test

import (
	"strings"
	"testing"

	"stampworks.dev/pkg/config"
	"stampworks.dev/services/gateway"
)

// TestExampleConfig: what operators copy is what the service reads.
func TestExampleConfig(t *testing.T) {
	cfg := gateway.Default()
	if err := config.Load("../../deploy/config/gateway.yaml", &cfg, nil); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryKeyHasAMeaning(t *testing.T) {
	cfg := gateway.Default()
	if text := config.Describe(&cfg); strings.Contains(text, " \n") {
		t.Errorf("a line ends without one:\n%s", text)
	}
}
