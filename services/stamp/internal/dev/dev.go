// Package dev is `stamp dev`: the whole of Stampworks in one process, for one
// machine. It is the embedded default, not a second implementation: the same
// services talk to each other as in production, and etcd is a real one.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/stamp/internal/client"
)

// readyWithin is how long the services may take to be ready.
const readyWithin = 30 * time.Second

// Options are the flags.
type Options struct {
	Listen     string
	DataDir    string
	TokenFile  string
	Supervisor string
	HostDir    string
	Artifacts  []string
	Demo       bool
	Lite       bool
	Keep       bool
	Version    string
	Out, Err   io.Writer
	// Terminal is whether Out can be redrawn.
	Terminal bool
}

// Run starts everything and stays until the context ends.
func Run(ctx context.Context, opts Options) error {
	dir, err := filepath.Abs(opts.DataDir)
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	at := layout{dir}
	unlock, err := at.prepare()
	if err != nil {
		return err
	}
	defer unlock()
	log, closeLog, err := openLog(at.log())
	if err != nil {
		return err
	}
	defer closeLog()
	token, err := adminToken(opts.TokenFile)
	if err != nil {
		return err
	}
	if err := allow(at.tokens(), token); err != nil {
		return err
	}
	artifacts, err := artifactRoots(opts.Artifacts)
	if err != nil {
		return err
	}
	plane, err := startControl(ctx, controlConfig{
		layout: at, listen: opts.Listen, supervisor: opts.Supervisor, hostDir: opts.HostDir, artifacts: artifacts, version: opts.Version, log: log,
	})
	if err != nil {
		return err
	}
	s := &session{opts: opts, layout: at, url: plane.url, token: token}
	group := lifecycle.NewGroup(log)
	group.Add("control plane", plane.run)
	group.Add("session", s.run)
	err = group.Run(ctx)
	return errors.Join(err, s.end(context.WithoutCancel(ctx)))
}

// artifactRoots are the folders that artifacts may be files of: this one, the
// one of the program, which has the sample product, and those that were asked
// for.
func artifactRoots(more []string) ([]string, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find working folder: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	roots := []string{here, filepath.Dir(program)}
	for _, dir := range more {
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, fmt.Errorf("find folder of artifacts: %w", err)
		}
		roots = append(roots, dir)
	}
	return roots, nil
}

// openLog sends the services' log to a file: the terminal is for people.
func openLog(path string) (*slog.Logger, func(), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open log: %w", err)
	}
	return telemetry.NewLogger(file, slog.LevelInfo), func() { _ = file.Close() }, nil
}

// session is what a person sees of one run.
type session struct {
	opts   Options
	layout layout
	url    string
	token  string
	api    *client.Client

	// elsewhere says that the commands of this folder speak to another one.
	elsewhere bool
	// customers are those served as of the last look, for end to ask.
	customers []customer
}

// run waits until everything is ready, tells where it is, and stays.
func (s *session) run(ctx context.Context) error {
	s.api = client.New(client.Config{Address: s.url, Token: s.token})
	if err := s.awaitReady(ctx); err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working folder: %w", err)
	}
	if err := s.introduce(ctx, here); err != nil {
		return err
	}
	if err := s.tell(ctx, here); err != nil && ctx.Err() == nil {
		s.stuck(err)
	}
	s.remember(ctx)
	return nil
}

// introduce tells the commands of a folder where this one is, unless another
// one that answers is already known there.
func (s *session) introduce(ctx context.Context, folder string) error {
	known, err := client.Read(folder)
	if err == nil && known.Address != "" && known.Address != s.url && ask(ctx, known.Address+"/healthz") == "200" {
		s.elsewhere = true
		s.say("The commands in this folder go on speaking to %s. For this one: --addr %s --token \"$(cat %s)\"", known.Address, s.url, s.opts.TokenFile)
		return nil
	}
	if known.Address != s.url {
		known = client.File{}
	}
	known.Address, known.Token = s.url, s.token
	return client.Write(folder, known)
}

// awaitReady waits for /readyz.
func (s *session) awaitReady(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		resp, err := s.api.Raw(waiting, http.MethodGet, "/readyz", nil, nil, "*/*")
		if err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-waiting.Done():
			return fmt.Errorf("start: not ready within %v: %w; see %s", readyWithin, err, s.logPath())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// logPath is where the log is, in the form in which the data folder was given.
func (s *session) logPath() string { return layout{s.opts.DataDir}.log() }

func (s *session) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.opts.Out, format+"\n", args...)
}
