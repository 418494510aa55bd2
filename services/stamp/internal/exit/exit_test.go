package exit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"stampworks.dev/services/stamp/internal/client"
)

func TestCode(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("whatever"), 1},
		{Usagef("no such flag"), 2},
		{fmt.Errorf("wait: %w", context.DeadlineExceeded), 3},
		{&client.Problem{Status: 401}, 4},
		{&client.Problem{Status: 403}, 4},
		{Said(OperationFailed), 5},
		{fmt.Errorf("get: %w", &client.Problem{Status: 404}), 6},
		{&client.Problem{Status: 409}, 7},
		{&client.Problem{Status: 412}, 7},
		{&client.Problem{Status: 503}, 8},
		{&client.UnreachableError{Cause: context.DeadlineExceeded}, 8},
		{&client.Problem{Status: 400}, 1},
		{context.Canceled, 130},
	} {
		if got := Code(tc.err); got != tc.want {
			t.Errorf("%v: got %d, want %d", tc.err, got, tc.want)
		}
	}
}

func TestMessageSaysWhatToDo(t *testing.T) {
	if got := Message(&client.Problem{Status: 401, Detail: "no token"}); !strings.HasPrefix(got, "no token\n  give a token with --token") {
		t.Errorf("got %q", got)
	}
	if got := Message(context.Canceled); got != "" {
		t.Errorf("Ctrl-C needs no words: got %q", got)
	}
}
