package source

import (
	"fmt"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// shown is the answer to whoever saved a source: with what to do next, and with a
// secret that was made here, this once.
func shown(whole *registryv1.Source, secret string, made bool) *registryv1.Source {
	which := "the signing secret that it has already"
	switch {
	case made:
		whole.GeneratedSecret = secret
		which = "the signing secret shown here, now and never again"
	case secret != "":
		which = "the signing secret that you gave"
	}
	whole.SetupInstructions = instructions(whole, which)
	return whole
}

func instructions(source *registryv1.Source, secret string) string {
	return fmt.Sprintf(`In the CRM or automation tool, add an outgoing webhook in the form of Standard Webhooks:
1. URL: %s (POST, Content-Type application/json).
2. Secret: %s. It signs "webhook-id.webhook-timestamp.body" with HMAC-SHA256.
3. Event: send {"type":"deal.won","timestamp":…,"data":{"deal":{"id":…},"company":{"name":…},"blueprint":…,"plan":…,"inputs":{…}}},
   or change this source's "won" rule and mapping to the shape that it sends.
4. Any 2xx answer means stored: it is not sent again. Deals won before %s are ignored.
The source is in mode %s. Send a test deal, look at its delivery, then change the mode.`,
		source.GetWebhookUrl(), secret, source.GetIgnoreBefore().AsTime().UTC().Format("2006-01-02 15:04:05 MST"), source.GetMode())
}
