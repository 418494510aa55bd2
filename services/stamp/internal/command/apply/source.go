package apply

import (
	"context"
	"net/url"
	"strings"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	sources "stampworks.dev/services/stamp/internal/command/source"
	"stampworks.dev/services/stamp/internal/names"
)

// source is the setup of a CRM.
type source struct {
	wish *registryv1.Source
	mask []string
}

func (s *source) name() string { return s.wish.GetName() }
func (s *source) rank() int    { return 1 }

// send creates or changes it.
func (s *source) send(ctx context.Context, o *options) (applied, error) {
	before, after := &registryv1.Source{}, &registryv1.Source{}
	missing, err := absent(o.client.Get(ctx, "/v1/"+s.name(), nil, before))
	if err != nil {
		return applied{}, err
	}
	if !missing {
		query := url.Values{"update_mask": {strings.Join(s.mask, ",")}}
		err := o.client.Patch(ctx, "/v1/"+s.name(), query, s.wish, after)
		return applied{Result: differs(before.GetEtag(), after.GetEtag())}, err
	}
	if s.wish.GetKind() == registryv1.Source_KIND_UNSPECIFIED {
		s.wish.Kind = registryv1.Source_STANDARD
	}
	if err := o.client.Post(ctx, "/v1/sources", url.Values{"source_id": {names.Short(s.name())}}, s.wish, after); err != nil {
		return applied{}, err
	}
	if err := sources.Keep(o.Session, o.client, after, s.wish.GetSecret()); err != nil {
		o.Say("the secret is not kept for \"stamp source send\": %v", err)
	}
	return applied{Result: created, WebhookURL: after.GetWebhookUrl(), GeneratedSecret: after.GetGeneratedSecret()}, nil
}
