package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load fills into, a pointer to a struct that holds its defaults. An empty
// path reads no file; env is in the form of os.Environ.
func Load(path string, into any, env []string) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("load config: want a pointer to a struct, got %T", into)
	}
	if path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read config: %w", err)
		}
		if err := decode(raw, into); err != nil {
			return fmt.Errorf("read config %s: %w", path, err)
		}
	}
	if err := override(v.Elem(), env); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	if err := validate(v, ""); err != nil {
		return fmt.Errorf("check config: %w", err)
	}
	return nil
}

// decode reads one YAML document; an empty one changes nothing.
func decode(raw []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var doc yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("want one YAML document, found several")
	}
	if err := checkKeys(&doc, reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	return doc.Decode(into)
}

// validate calls Validate on the struct and on those within, innermost first.
func validate(v reflect.Value, path string) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		for _, f := range fieldsOf(v.Type()) {
			if err := validate(v.FieldByIndex(f.index), join(path, f.name)); err != nil {
				return err
			}
		}
	}
	if !v.CanAddr() {
		return nil
	}
	checked, ok := v.Addr().Interface().(interface{ Validate() error })
	if !ok {
		return nil
	}
	if err := checked.Validate(); err != nil {
		if path == "" || strings.HasPrefix(err.Error(), path+": ") { // it says where by itself
			return err
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}
