// Package source is the commands `stamp source …`: the CRMs that send deals.
package source

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// Command is `stamp source`.
func Command(s *session.Session) *cobra.Command {
	return noun.Group("source", "CRMs that send deals: set up, try out, send a test deal",
		createCommand(s), listCommand(s), updateCommand(s), testCommand(s), sendCommand(s))
}

func view(now time.Time) printer.View[*registryv1.Source] {
	return printer.View[*registryv1.Source]{
		Name: (*registryv1.Source).GetName,
		Columns: []printer.Column[*registryv1.Source]{
			{Head: "SOURCE", Cell: func(s *registryv1.Source) string { return names.Short(s.GetName()) }},
			{Head: "KIND", Cell: func(s *registryv1.Source) string { return s.GetKind().String() }},
			{Head: "MODE", Cell: func(s *registryv1.Source) string { return s.GetMode().String() }},
			{Head: "LAST DELIVERY", Cell: func(s *registryv1.Source) string { return printer.Age(s.GetLastDeliveryTime(), now) }},
			{Head: "AGE", Cell: func(s *registryv1.Source) string { return printer.Age(s.GetCreateTime(), now) }},
			{Head: "URL", Cell: (*registryv1.Source).GetWebhookUrl},
			{Head: "WON", Wide: true, Cell: (*registryv1.Source).GetWon},
		},
	}
}

// settings are the flags that create and update share.
type settings struct {
	mode, won, displayName, secret string
	mapping                        []string
	maxPerHour                     int32
}

// fieldOf is the source's field that a flag sets.
var fieldOf = map[string]string{
	"mode": "mode", "won": "won", "display-name": "display_name", "secret": "secret", "map": "mapping", "max-creates-per-hour": "max_creates_per_hour",
}

func (c *settings) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.mode, "mode", "", "what a won deal leads to: DRY_RUN, APPROVE or AUTO (a new source: DRY_RUN)")
	f.StringVar(&c.won, "won", "", "`CEL` over event: whether it is a won deal (a new source: event.type == \"deal.won\")")
	f.StringArrayVar(&c.mapping, "map", nil, "how an event becomes a tenant, as `FIELD=CEL`; repeatable")
	f.StringVar(&c.displayName, "display-name", "", "what people call it")
	f.StringVar(&c.secret, "secret", "", "the secret that the CRM signs with (a new source: one is made)")
	f.Int32Var(&c.maxPerHour, "max-creates-per-hour", 0, "how many tenants it may create in an hour (a new source: 10)")
}

func (c *settings) source(mapping *registryv1.Mapping) (*registryv1.Source, error) {
	mode, known := registryv1.Source_Mode_value[strings.ToUpper(strings.ReplaceAll(c.mode, "-", "_"))]
	if !known && c.mode != "" {
		return nil, exit.Usagef("--mode %s: want DRY_RUN, APPROVE or AUTO", c.mode)
	}
	if err := fill(mapping, c.mapping); err != nil {
		return nil, err
	}
	s := &registryv1.Source{
		Kind: registryv1.Source_STANDARD, Mode: registryv1.Source_Mode(mode), Won: c.won, DisplayName: c.displayName,
		Secret: c.secret, MaxCreatesPerHour: c.maxPerHour,
	}
	if len(c.mapping) > 0 {
		s.Mapping = mapping
	}
	return s, nil
}

// fill sets fields of a mapping by their names in the proto.
func fill(mapping *registryv1.Mapping, pairs []string) error {
	m := mapping.ProtoReflect()
	fields := m.Descriptor().Fields()
	for _, pair := range pairs {
		key, expression, ok := strings.Cut(pair, "=")
		field := fields.ByJSONName(key)
		if field == nil {
			field = fields.ByTextName(strings.ReplaceAll(key, "-", "_"))
		}
		if !ok || field == nil {
			var known []string
			for i := range fields.Len() {
				known = append(known, string(fields.Get(i).Name()))
			}
			slices.Sort(known)
			return exit.Usagef("--map %s: want FIELD=CEL, with a field of %s", pair, strings.Join(known, ", "))
		}
		m.Set(field, valueOf(expression))
	}
	return nil
}
