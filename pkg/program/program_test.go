package program

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/pkg/lifecycle"
)

type settings struct {
	Greeting string `yaml:"greeting" help:"what to say"`
}

func (s settings) Validate() error {
	if s.Greeting == "" {
		return errors.New("greeting is not set")
	}
	return nil
}

type serviceFunc func(context.Context) error

func (f serviceFunc) Run(ctx context.Context) error { return f(ctx) }

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("greeting: hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		why       string
		args, env []string
		end       error
		code      int
		says      string
	}{
		{"a service that ends well", []string{"--config", file}, nil, nil, 0, ""},
		{"a service that fails", []string{"--config", file}, nil, errors.New("disk on fire"), 1, "disk on fire"},
		{"a setting is missing", nil, nil, nil, 2, "greeting is not set"},
		{"a variable sets it", nil, []string{"STAMPWORKS_GREETING=hello"}, nil, 0, ""},
		{"no such file", []string{"--config", file + "x"}, nil, nil, 2, "config.yamlx"},
		{"an unknown flag", []string{"--colour"}, nil, nil, 2, "flag provided but not defined"},
		{"help lists the keys", []string{"--help"}, nil, nil, 0, "STAMPWORKS_GREETING"},
		{"version", []string{"--version"}, nil, nil, 0, "greeter dev"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			var out bytes.Buffer
			start := func(_ context.Context, cfg settings, _ Deps) (lifecycle.Service, error) {
				if cfg.Greeting != "hello" {
					t.Errorf("greeting %q", cfg.Greeting)
				}
				return serviceFunc(func(context.Context) error { return tc.end }), nil
			}
			code := run(t.Context(), "greeter", settings{}, start, tc.args, tc.env, &out, &out)
			if code != tc.code || !strings.Contains(out.String(), tc.says) {
				t.Errorf("code %d, want %d; said %q, want %q", code, tc.code, out.String(), tc.says)
			}
		})
	}
}
