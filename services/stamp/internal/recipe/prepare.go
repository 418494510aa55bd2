package recipe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"stampworks.dev/pkg/blueprint"
)

// Prepared is a blueprint as it is published.
type Prepared struct {
	// Source is the YAML with absolute paths and digests.
	Source []byte
	// Recipe is the same, compiled.
	Recipe *blueprint.Recipe
}

// Prepare checks a file and fills in what only this machine knows. What is
// wrong with it comes back as blueprint.Problems, with lines of the file.
func Prepare(path string) (*Prepared, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read blueprint: %w", err)
	}
	return PrepareText(path, text)
}

// PrepareText is Prepare for a text that is already read; path is where its
// relative paths begin.
func PrepareText(path string, text []byte) (*Prepared, error) {
	recipe, err := blueprint.Parse(path, text)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	changed, err := locate(&doc, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	if !changed {
		return &Prepared{Source: text, Recipe: recipe}, nil
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if recipe, err = blueprint.Parse(path, out.Bytes()); err != nil {
		return nil, err
	}
	return &Prepared{Source: out.Bytes(), Recipe: recipe}, nil
}

// locate edits the artifacts in place and says whether any was.
func locate(doc *yaml.Node, dir string) (changed bool, err error) {
	if len(doc.Content) == 0 {
		return false, nil
	}
	artifacts := lookup(doc.Content[0], "artifacts")
	if artifacts == nil || artifacts.Kind != yaml.MappingNode {
		return false, nil
	}
	for i := 1; i < len(artifacts.Content); i += 2 {
		one, err := locateOne(artifacts.Content[i-1].Value, artifacts.Content[i], dir)
		if err != nil {
			return false, err
		}
		changed = changed || one
	}
	return changed, nil
}

// locateOne edits one artifact.
func locateOne(name string, artifact *yaml.Node, dir string) (changed bool, err error) {
	where := lookup(artifact, "file")
	if where == nil {
		where = lookup(artifact, "archive")
	}
	if where == nil || strings.Contains(where.Value, "://") {
		return false, nil
	}
	path := where.Value
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if path, err = filepath.Abs(path); err != nil {
		return false, fmt.Errorf("%d:%d: artifact %q: %w", where.Line, where.Column, name, err)
	}
	digest, err := digestOf(path)
	if err != nil {
		return false, fmt.Errorf("%d:%d: artifact %q: %w\n  build it first, or correct the path", where.Line, where.Column, name, err)
	}
	said := lookup(artifact, "sha256")
	switch {
	case said == nil:
		artifact.Content = append(artifact.Content,
			&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "sha256"},
			&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: digest, Style: yaml.DoubleQuotedStyle})
		changed = true
	case said.Value != digest:
		return false, fmt.Errorf("%d:%d: artifact %q: %s has the digest %s, and sha256 says %s\n  remove the sha256 to have it filled in",
			said.Line, said.Column, name, path, digest, said.Value)
	}
	if where.Value != path {
		where.Value, changed = path, true
	}
	return changed, nil
}

// lookup finds the value of a key.
func lookup(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 1; i < len(mapping.Content); i += 2 {
		if mapping.Content[i-1].Value == key {
			return mapping.Content[i]
		}
	}
	return nil
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
