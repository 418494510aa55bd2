package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/tenant-registry/internal/webhook"
)

// The example of the specification.
const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	id        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	stamp     = "1614265330"
	body      = `{"test": 2432232314}`
	signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var at = time.Unix(1614265330, 0)

func key(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := webhook.ParseSecret("secret", text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func headers(changes ...string) map[string]string {
	h := map[string]string{"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": signature}
	for i := 0; i+1 < len(changes); i += 2 {
		h[changes[i]] = changes[i+1]
	}
	return h
}

// restamped are headers with another timestamp, well signed.
func restamped(t *testing.T, stamp string) map[string]string {
	t.Helper()
	mac := hmac.New(sha256.New, key(t, secret))
	_, _ = mac.Write([]byte(id + "." + stamp + "." + body)) // it never fails
	return headers("webhook-timestamp", stamp, "webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func TestVectorOfTheSpecification(t *testing.T) {
	if got := webhook.Sign(key(t, secret), id, at, []byte(body)); !maps.Equal(got, headers()) {
		t.Errorf("signed %v", got)
	}
}

func TestVerify(t *testing.T) {
	other := key(t, webhook.NewSecret())
	for name, c := range map[string]struct {
		headers map[string]string
		body    string
		now     time.Time
		reason  string
	}{
		"good":                     {headers(), body, at, ""},
		"late, within five min":    {headers(), body, at.Add(5 * time.Minute), ""},
		"early, within five min":   {headers(), body, at.Add(-5 * time.Minute), ""},
		"one of several":           {headers("webhook-signature", "v1,AAAA v2,x "+signature), body, at, ""},
		"joined headers":           {headers("webhook-signature", "v1,AAAA, "+signature), body, at, ""},
		"too old":                  {headers(), body, at.Add(5*time.Minute + time.Second), "TIMESTAMP_TOO_OLD"},
		"too new":                  {headers(), body, at.Add(-5*time.Minute - time.Second), "TIMESTAMP_IN_FUTURE"},
		"another body":             {headers(), body + " ", at, "SIGNATURE_INVALID"},
		"another id":               {headers("webhook-id", "msg_2"), body, at, "SIGNATURE_INVALID"},
		"no id":                    {headers("webhook-id", ""), body, at, "SIGNATURE_INVALID"},
		"another timestamp":        {headers("webhook-timestamp", "1614265331"), body, at, "SIGNATURE_INVALID"},
		"timestamp is no number":   {headers("webhook-timestamp", "now"), body, at, "SIGNATURE_INVALID"},
		"timestamp has a sign":     {restamped(t, "+"+stamp), body, at, "SIGNATURE_INVALID"},
		"timestamp has zeros":      {restamped(t, "0"+stamp), body, at, "SIGNATURE_INVALID"},
		"timestamp overflows":      {headers("webhook-timestamp", "9223372036854775807"), body, at, "SIGNATURE_INVALID"},
		"no signature":             {headers("webhook-signature", ""), body, at, "SIGNATURE_INVALID"},
		"signature of no version":  {headers("webhook-signature", strings.TrimPrefix(signature, "v1,")), body, at, "SIGNATURE_INVALID"},
		"signature of version two": {headers("webhook-signature", "v2"+signature[2:]), body, at, "SIGNATURE_INVALID"},
		"a flood of signatures":    {headers("webhook-signature", strings.Repeat("v1,A ", 100)+signature), body, at, "SIGNATURE_INVALID"},
	} {
		err := webhook.Verify(webhook.Message{Headers: c.headers, Body: []byte(c.body)}, [][]byte{other, key(t, secret)}, c.now)
		if got := errs.ReasonOf(err); got != c.reason {
			t.Errorf("%s: %q, want %q", name, got, c.reason)
		}
	}
	if err := webhook.Verify(webhook.Message{Headers: headers(), Body: []byte(body)}, [][]byte{other}, at); err == nil {
		t.Error("another secret proved the message")
	}
}

func TestSecrets(t *testing.T) {
	if a, b := webhook.NewSecret(), webhook.NewSecret(); a == b {
		t.Error("the same secret twice")
	}
	for _, bad := range []string{"", "whsec_", "whsec_!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA"} {
		_, err := webhook.ParseSecret("source.secret", bad)
		if !errs.Is(err, errs.InvalidArgument) || bad != "" && strings.Contains(err.Error(), bad+" ") {
			t.Errorf("ParseSecret(%q) = %v", bad, err)
		}
	}
}

// No header but the right one proves anything, and none makes Verify panic.
func FuzzSignatureHeader(f *testing.F) {
	f.Add(signature, id, stamp)
	f.Add("v1,AAAA v1a,b", "x", "0")
	f.Fuzz(func(t *testing.T, sig, msgID, ts string) {
		err := webhook.Verify(webhook.Message{Headers: headers("webhook-signature", sig, "webhook-id", msgID, "webhook-timestamp", ts), Body: []byte(body)}, [][]byte{key(t, secret)}, at)
		if err == nil && (msgID != id || !strings.Contains(sig, signature)) {
			t.Errorf("proven by %q %q %q", sig, msgID, ts)
		}
	})
}
