package mapping

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/types/known/structpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// Deal is what an event says about a deal that was won.
type Deal struct {
	ID       string
	TenantID string // as mapped; may be taken, or no id at all
	WonTime  time.Time
	Tenant   *registryv1.Tenant
}

// Problem is an expression that could not be used on an event.
type Problem struct {
	Field string // "won", or "mapping.…"
	Why   string
	// Missing says that the event lacks a key that the expression needs.
	Missing bool
}

func (p *Problem) Error() string { return p.Field + ": " + p.Why }

// Won says whether the event is a deal that was won.
func (p *Program) Won(ctx context.Context, event Event, received time.Time) (bool, *Problem) {
	out, problem := run(ctx, p.won, "won", event, received)
	if problem != nil {
		return false, problem
	}
	won, ok := out.(types.Bool)
	if !ok {
		return false, &Problem{Field: "won", Why: fmt.Sprintf("gives %s, not a truth value", out.Type().TypeName())}
	}
	return bool(won), nil
}

// Map makes a deal out of an event of the named source.
func (p *Program) Map(ctx context.Context, source string, event Event, received time.Time) (Deal, *Problem) {
	r := reader{ctx: ctx, program: p, event: event, received: received}
	deal := &registryv1.Deal{
		Source: source, Id: r.required("deal_id"), Amount: r.number("amount"), Currency: r.text("currency"), Owner: r.text("owner"), Url: r.text("url"),
	}
	d := Deal{ID: deal.GetId(), TenantID: r.tenantID(deal.GetId()), WonTime: r.moment("won_time"), Tenant: &registryv1.Tenant{
		DisplayName: strings.TrimSpace(r.required("display_name")), Blueprint: r.required("blueprint"), Plan: r.text("plan"),
		Region: r.text("region"), Inputs: r.table("inputs"), Deal: deal,
	}}
	if name, email := r.text("contact_name"), r.text("contact_email"); name != "" || email != "" {
		d.Tenant.Contact = &registryv1.Contact{DisplayName: name, Email: email}
	}
	return d, r.problem
}

// reader evaluates fields until the first problem.
type reader struct {
	ctx      context.Context
	program  *Program
	event    Event
	received time.Time
	problem  *Problem
}

func (r *reader) value(field string) ref.Val {
	if r.problem != nil {
		return types.NullValue
	}
	out, problem := run(r.ctx, r.program.fields[field], "mapping."+field, r.event, r.received)
	r.problem = problem
	if problem != nil {
		return types.NullValue
	}
	return out
}

func (r *reader) wrong(field, format string, args ...any) {
	if r.problem == nil {
		r.problem = &Problem{Field: "mapping." + field, Why: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) required(field string) string {
	text := r.text(field)
	if text == "" {
		r.wrong(field, "is empty")
	}
	return text
}

// tenantID is the deal's where the name has no letters for an id.
func (r *reader) tenantID(deal string) string {
	id := r.text("tenant_id")
	if id == "" && r.problem == nil {
		id = names.OfDeal(deal)
	}
	return id
}

func (r *reader) text(field string) string {
	switch v := r.value(field).(type) {
	case types.String:
		return string(v)
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10)
	case types.Double:
		return strconv.FormatFloat(float64(v), 'f', -1, 64)
	case types.Null:
		return ""
	default:
		r.wrong(field, "gives %s, not a text", v.Type().TypeName())
		return ""
	}
}

func (r *reader) number(field string) float64 {
	switch v := r.value(field).(type) {
	case types.Double:
		return float64(v)
	case types.Int:
		return float64(v)
	case types.Uint:
		return float64(v)
	case types.Null:
		return 0
	case types.String:
		n, err := strconv.ParseFloat(strings.TrimSpace(string(v)), 64)
		if err != nil && v != "" {
			r.wrong(field, "gives %q, not a number", string(v))
		}
		return n
	default:
		r.wrong(field, "gives %s, not a number", v.Type().TypeName())
		return 0
	}
}

func (r *reader) moment(field string) time.Time {
	switch v := r.value(field).(type) {
	case types.Timestamp:
		return v.Time
	case types.String:
		at, err := time.Parse(time.RFC3339, string(v))
		if err != nil {
			r.wrong(field, "gives %q, not a timestamp such as 2026-01-31T12:00:00Z", string(v))
		}
		return at
	default:
		r.wrong(field, "gives %s, not a timestamp", v.Type().TypeName())
		return time.Time{}
	}
}

func (r *reader) table(field string) map[string]*structpb.Value {
	v := r.value(field)
	if v == types.NullValue {
		return nil
	}
	native, err := v.ConvertToNative(reflect.TypeFor[*structpb.Struct]())
	table, ok := native.(*structpb.Struct)
	if err != nil || !ok {
		r.wrong(field, "gives %s, not a map of texts to values", v.Type().TypeName())
		return nil
	}
	return table.GetFields()
}

func run(ctx context.Context, program cel.Program, field string, event Event, received time.Time) (ref.Val, *Problem) {
	ctx, cancel := context.WithTimeout(ctx, evalWithin)
	defer cancel()
	out, _, err := program.ContextEval(ctx, map[string]any{"event": map[string]any(event), "received": received})
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "evaluation error: ")
		return nil, &Problem{Field: field, Why: why, Missing: strings.HasPrefix(why, "no such key")}
	}
	if optional, ok := out.(*types.Optional); ok {
		if !optional.HasValue() {
			return types.NullValue, nil
		}
		out = optional.GetValue()
	}
	return out, nil
}
