package mapping

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

const (
	maxExpression = 2000
	costLimit     = 100_000
	// maxElements bounds a value on the way, those inside of others counted each
	// time: an event has no more, and comparing or converting costs as much.
	maxElements = 100_000
	evalWithin  = time.Second // one expression
)

// slot is one expression of a source.
type slot struct {
	field    string // in the Mapping message; "won" is the source's own
	get      func(*registryv1.Mapping) string
	standard string // what an empty one means
	accepts  []*cel.Type
}

var (
	texts   = []*cel.Type{cel.StringType, cel.IntType, cel.UintType, cel.DoubleType, cel.NullType}
	numbers = []*cel.Type{cel.DoubleType, cel.IntType, cel.UintType, cel.StringType, cel.NullType}
	moments = []*cel.Type{cel.TimestampType, cel.StringType}
	tables  = []*cel.Type{cel.MapType(cel.StringType, cel.DynType), cel.NullType}
)

// slots are the expressions of the kind STANDARD.
var slots = []slot{
	{"deal_id", (*registryv1.Mapping).GetDealId, `event.data.deal.id`, texts},
	{"tenant_id", (*registryv1.Mapping).GetTenantId, `slug(event.data.company.name)`, texts},
	{"display_name", (*registryv1.Mapping).GetDisplayName, `event.data.company.name`, texts},
	{"blueprint", (*registryv1.Mapping).GetBlueprint, `event.data.blueprint`, texts},
	{"plan", (*registryv1.Mapping).GetPlan, `event.data.?plan.orValue("")`, texts},
	{"region", (*registryv1.Mapping).GetRegion, `event.data.?region.orValue("")`, texts},
	{"inputs", (*registryv1.Mapping).GetInputs, `event.data.?inputs.orValue({})`, tables},
	{"amount", (*registryv1.Mapping).GetAmount, `event.data.?deal.?amount.orValue(0.0)`, numbers},
	{"currency", (*registryv1.Mapping).GetCurrency, `event.data.?deal.?currency.orValue("")`, texts},
	{"owner", (*registryv1.Mapping).GetOwner, `event.data.?deal.?owner.orValue("")`, texts},
	{"url", (*registryv1.Mapping).GetUrl, `event.data.?deal.?url.orValue("")`, texts},
	{"contact_name", (*registryv1.Mapping).GetContactName, `event.data.?contact.?name.orValue("")`, texts},
	{"contact_email", (*registryv1.Mapping).GetContactEmail, `event.data.?contact.?email.orValue("")`, texts},
	{"won_time", (*registryv1.Mapping).GetWonTime, `has(event.timestamp) ? timestamp(event.timestamp) : received`, moments},
}

// DefaultWon is the rule of a source that has none.
const DefaultWon = `event.type == "deal.won"`

// Program is a source's expressions, compiled. It is safe for concurrent use.
type Program struct {
	won    cel.Program
	fields map[string]cel.Program
}

// Compile checks the expressions of a source. Mistakes are violations of
// "source.won" and "source.mapping.…".
func Compile(source *registryv1.Source) (*Program, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	p := &Program{fields: map[string]cel.Program{}}
	var wrong []errs.Violation
	note := func(field string, err error) {
		if err != nil {
			wrong = append(wrong, errs.Violation{Field: field, Description: err.Error()})
		}
	}
	p.won, err = compile(env, cmp.Or(source.GetWon(), DefaultWon), []*cel.Type{cel.BoolType})
	note("source.won", err)
	for _, s := range slots {
		p.fields[s.field], err = compile(env, cmp.Or(s.get(source.GetMapping()), s.standard), s.accepts)
		note("source.mapping."+s.field, err)
	}
	if len(wrong) > 0 {
		return nil, errs.Invalid("EXPRESSION_INVALID", wrong...)
	}
	return p, nil
}

func compile(env *cel.Env, text string, accepts []*cel.Type) (cel.Program, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("has %d characters, the limit is %d", len(text), maxExpression)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, fmt.Errorf("%s", problems(issues))
	}
	if !acceptable(ast.OutputType(), accepts) {
		return nil, fmt.Errorf("gives %s where %s is expected", ast.OutputType(), accepts[0])
	}
	return env.Program(ast, cel.CostLimit(costLimit), cel.MemoryLimit(maxElements), cel.InterruptCheckFrequency(10))
}

// problems gives line and column of each mistake on one line.
func problems(issues *cel.Issues) string {
	var list []string
	for _, e := range issues.Errors() {
		list = append(list, fmt.Sprintf("%d:%d %s", e.Location.Line(), e.Location.Column()+1, e.Message))
	}
	return strings.Join(list, "; ")
}

func acceptable(got *cel.Type, accepts []*cel.Type) bool {
	if got.Kind() == types.DynKind {
		return true
	}
	for _, want := range accepts {
		if want.IsAssignableType(got) || want.Kind() == types.MapKind && got.Kind() == types.MapKind {
			return true
		}
	}
	return false
}

var environment = sync.OnceValues(func() (*cel.Env, error) {
	env, err := cel.NewEnv(
		cel.Variable("event", cel.DynType),
		cel.Variable("received", cel.TimestampType),
		cel.OptionalTypes(),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserRecursionLimit(40),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.Function("slug", cel.Overload("slug_string", []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(slug))),
	)
	if err != nil {
		return nil, fmt.Errorf("make expression environment: %w", err)
	}
	return env, nil
})

func slug(v ref.Val) ref.Val {
	text, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	return types.String(names.Slug(string(text)))
}
