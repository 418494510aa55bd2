package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Problem is an answer that is not good, by RFC 9457.
type Problem struct {
	Status     int               `json:"status"`
	Title      string            `json:"title"`
	Detail     string            `json:"detail"`
	Reason     string            `json:"reason"`
	TraceID    string            `json:"trace_id"`
	Metadata   map[string]string `json:"metadata"`
	Violations []Violation       `json:"violations"`
}

// Violation is one field that is wrong.
type Violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// Error says what is wrong, field by field, and under which trace it is found.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Detail)
	if p.Detail == "" {
		fmt.Fprintf(&b, "%d %s", p.Status, p.Title)
	}
	for _, v := range p.Violations {
		if told := v.Field + ": " + v.Description; !strings.Contains(p.Detail, told) {
			b.WriteString("\n  " + told)
		}
	}
	if p.TraceID != "" && p.Status >= http.StatusInternalServerError {
		fmt.Fprintf(&b, "\n  trace %s", p.TraceID)
	}
	return b.String()
}

// UnreachableError says that nobody answered.
type UnreachableError struct {
	Address string
	Cause   error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no answer from Stampworks at %s: %v\n  is it running? start one here with: make run", e.Address, e.Cause)
}

func (e *UnreachableError) Unwrap() error { return e.Cause }

// ReadProblem makes a problem of an answer, whatever its body is.
func ReadProblem(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	p := &Problem{}
	if err != nil || json.Unmarshal(text, p) != nil || p.Title == "" {
		p.Title, p.Detail = http.StatusText(resp.StatusCode), strings.TrimSpace(string(text))
	}
	p.Status = resp.StatusCode
	return p
}
