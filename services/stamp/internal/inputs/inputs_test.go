package inputs

import (
	"testing"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func TestTypesAreTheBlueprints(t *testing.T) {
	recipe := &typev1.Blueprint{Inputs: map[string]*typev1.Input{
		"code": {Type: typev1.Input_STRING}, "seats": {Type: typev1.Input_INT}, "beta": {Type: typev1.Input_BOOL},
	}}
	got, err := Parse([]string{"code=007", "seats=25", "beta=1", "note=a=b"}, recipe)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"code": "007", "seats": 25.0, "beta": true, "note": "a=b"} {
		if got[key].AsInterface() != want {
			t.Errorf("%s: got %v, want %v", key, got[key].AsInterface(), want)
		}
	}
	for _, wrong := range []string{"seats=many", "beta=perhaps", "seats", "=1"} {
		if _, err := Parse([]string{wrong}, recipe); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}

func TestTypesAreGuessedWithoutABlueprint(t *testing.T) {
	got, err := Plain([]string{"n=25", "f=1.5", "b=true", "s=Dana", "e=", "v=1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"n": 25.0, "f": 1.5, "b": true, "s": "Dana", "e": "", "v": "1.2.3"} {
		if got[key] != want {
			t.Errorf("%s: got %v, want %v", key, got[key], want)
		}
	}
}
