package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/config"
)

type listen struct {
	Listen string `yaml:"listen" help:"host:port"`
}

type cell struct {
	Name   string `yaml:"name"`
	Shards int    `yaml:"shards"`
}

type shared struct {
	Region string `yaml:"region"`
}

type sample struct {
	GRPC      listen         `yaml:"grpc"`
	DataDir   string         `yaml:"data_dir" help:"where claims are kept"`
	Settle    time.Duration  `yaml:"settle"`
	Replicas  int            `yaml:"replicas"`
	Share     float64        `yaml:"share"`
	Open      bool           `yaml:"open"`
	Hosts     []string       `yaml:"hosts"`
	Shards    map[string]int `yaml:"shards"`
	Cells     []cell         `yaml:"cells"`
	Level     level          `yaml:"level"`
	Small     *uint8         `yaml:"small"`
	shared    int
	Inlined   shared `yaml:",inline"`
	validated bool
}

var errNoShare = errors.New("share is below zero")

func (s *sample) Validate() error {
	s.validated = true
	_ = s.shared
	if s.Share < 0 {
		return errNoShare
	}
	return nil
}

// level reads itself, as slog.Level does.
type level struct{ n int }

func (l *level) UnmarshalText(text []byte) error {
	if string(text) != "loud" {
		return errors.New("want loud")
	}
	l.n = 11
	return nil
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileThenEnvironmentThenValidate(t *testing.T) {
	cfg := sample{Settle: time.Minute, Replicas: 3, GRPC: listen{"127.0.0.1:1"}, Hosts: []string{"old"}}
	path := file(t, `
grpc: {listen: "127.0.0.1:2"}
data_dir: /from/file
settle: 5s
cells:
  - {name: a, shards: 1}
region: eu
level: loud
`)
	env := []string{
		"HOME=/root", "STAMPWORKS_CONFIG=" + path, "STAMPWORKS_GRPC_LISTEN=127.0.0.1:3", "STAMPWORKS_SETTLE=7s",
		"STAMPWORKS_SHARE=0.5", "STAMPWORKS_OPEN=true", "STAMPWORKS_HOSTS=a, b,", "STAMPWORKS_SHARDS=x=1,y=16",
		"STAMPWORKS_SMALL=255", "STAMPWORKS_REGION=us",
	}
	if err := config.Load(path, &cfg, env); err != nil {
		t.Fatal(err)
	}
	small := uint8(255)
	want := sample{
		GRPC: listen{"127.0.0.1:3"}, DataDir: "/from/file", Settle: 7 * time.Second, Replicas: 3, Share: 0.5, Open: true,
		Hosts: []string{"a", "b"}, Shards: map[string]int{"x": 1, "y": 16}, Cells: []cell{{"a", 1}}, Level: level{11},
		Small: &small, Inlined: shared{"us"}, validated: true,
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
}

func TestWrongFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":         {"data_dir: x\ngrcp:\n  listen: y\n", `line 2: unknown key "grcp", did you mean "grpc"?`},
		"unknown nested key":  {"grpc:\n  listen: a\n  port: 1\n", `line 3: unknown key "grpc.port"`},
		"unknown key in list": {"cells:\n- name: a\n- nmae: b\n", `line 3: unknown key "cells[1].nmae", did you mean "name"?`},
		"key twice":           {"open: true\nopen: false\n", "already defined at line 1"},
		"wrong type":          {"replicas: many\n", "line 1: cannot unmarshal"},
		"wrong duration":      {"settle: soon\n", "line 1: cannot unmarshal"},
		"two documents":       {"open: true\n---\nopen: false\n", "want one YAML document"},
		"not yaml":            {"a: [\n", "yaml: line"},
		"not valid":           {"share: -1\n", "share is below zero"},
	} {
		t.Run(name, func(t *testing.T) {
			err := config.Load(file(t, c.text), &sample{}, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want …%s…", err, c.want)
			}
		})
	}
	if err := config.Load(file(t, "share: -1"), &sample{}, nil); !errors.Is(err, errNoShare) {
		t.Errorf("the validation error is not found in %v", err)
	}
	if err := config.Load(filepath.Join(t.TempDir(), "none"), &sample{}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gave %v", err)
	}
	if err := config.Load("", sample{}, nil); err == nil {
		t.Error("a struct that is no pointer was accepted")
	}
}

func TestEveryUnknownKeyIsReportedAtOnce(t *testing.T) {
	err := config.Load(file(t, "a1: 1\nb2: 2\n"), &sample{}, nil)
	if err == nil || !strings.Contains(err.Error(), `"a1"`) || !strings.Contains(err.Error(), `"b2"`) {
		t.Errorf("got %v", err)
	}
}

func TestAnEmptyFileChangesNothing(t *testing.T) {
	for _, text := range []string{"", "# only words\n", "---\n"} {
		cfg := sample{Replicas: 3}
		if err := config.Load(file(t, text), &cfg, nil); err != nil || cfg.Replicas != 3 {
			t.Errorf("%q: got %v, %+v", text, err, cfg)
		}
	}
}

func TestOnlyNearVariablesAreSuggested(t *testing.T) {
	err := config.Load("", &sample{}, []string{"STAMPWORKS_SOMETHING_ELSE=1"})
	if err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("got %v", err)
	}
}

func TestWrongEnvironment(t *testing.T) {
	for entry, want := range map[string]string{
		"STAMPWORKS_GRPC_LISTN=x":    "unknown variable STAMPWORKS_GRPC_LISTN, did you mean \"STAMPWORKS_GRPC_LISTEN\"?",
		"STAMPWORKS_REPLICAS=many":   "STAMPWORKS_REPLICAS: parse \"many\"",
		"STAMPWORKS_SETTLE=10":       "want a form like 10s",
		"STAMPWORKS_OPEN=perhaps":    "want true or false",
		"STAMPWORKS_SMALL=256":       "want a whole number",
		"STAMPWORKS_SHARDS=x":        "want name=value",
		"STAMPWORKS_CELLS=a":         "in the file only",
		"STAMPWORKS_LEVEL=quiet":     "want loud",
		"STAMPWORKS_SHARE=-1":        "share is below zero",
		"STAMPWORKS_SHARED=whatever": "unknown variable",
	} {
		err := config.Load("", &sample{}, []string{entry})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want …%s…", entry, err, want)
		}
	}
}

func TestTwoKeysOfOneVariable(t *testing.T) {
	var cfg struct {
		A  struct{ B string }
		AB string `yaml:"a_b"`
	}
	if err := config.Load("", &cfg, nil); err == nil || !strings.Contains(err.Error(), "STAMPWORKS_A_B") {
		t.Errorf("got %v", err)
	}
}

type inner struct{ N int }

func (i inner) Validate() error {
	if i.N < 0 {
		return errors.New("n is below zero")
	}
	return nil
}

func TestInnerStructsAreValidatedWithTheirPath(t *testing.T) {
	var cfg struct {
		Store struct {
			Cache inner `yaml:"cache"`
		} `yaml:"store"`
	}
	err := config.Load("", &cfg, []string{"STAMPWORKS_STORE_CACHE_N=-1"})
	if err == nil || err.Error() != "check config: store.cache: n is below zero" {
		t.Errorf("got %v", err)
	}
}

func TestDescribeShowsWhatIsTakenAndWhatFor(t *testing.T) {
	var cfg struct {
		Etcd struct {
			Endpoints []string      `yaml:"endpoints" help:"where it is"`
			Timeout   time.Duration `yaml:"timeout" default:"5s"`
		} `yaml:"etcd" help:"the cluster"`
		Settle time.Duration `yaml:"settle" default:"never"`
	}
	cfg.Etcd.Endpoints, cfg.Settle = []string{"a:1", "b:2"}, time.Minute
	text := config.Describe(&cfg)
	for _, want := range []string{"a:1,b:2  the cluster: where it is\n", "5s       the cluster\n", "1m0s"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestDescribe(t *testing.T) {
	text := config.Describe(&sample{Settle: time.Minute, Hosts: []string{"a"}})
	for _, want := range []string{"grpc.listen  STAMPWORKS_GRPC_LISTEN", "host:port", "1m0s", "a  ", "where claims are kept"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
