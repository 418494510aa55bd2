// Command openapifinish turns what openapiv3-merge prints into the description
// that we serve. It reads standard input and writes standard output:
//
//   - "/v1/tenants/{tenant.name}" and "/v1/tenants/{name}" are one path, as
//     OpenAPI asks; the generator knows them by their fields' names;
//   - every operation may answer with the response "Problem" of our base
//     document, as the gateway's errors are not google.rpc.Status;
//   - what google.longrunning.Operations does here is described, which the
//     generator knows nothing of;
//   - an empty answer is described as one.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"strings"
)

// object is a JSON object; marshalling sorts its keys, so output is stable.
type object = map[string]any

// longrunning says what the calls of Operations are for.
var longrunning = map[string]string{
	"Operations_ListOperations":  "ListOperations reads many, the newest first; filter by metadata.tenant, metadata.state and metadata.kind (AIP-132, AIP-160). Codes: INVALID_ARGUMENT for a filter or page token.",
	"Operations_GetOperation":    "GetOperation reads one: generation 7 of acme is operations/acme.7 (AIP-151). Codes: NOT_FOUND.",
	"Operations_CancelOperation": "CancelOperation ends one at its next step boundary and leaves what is done. Codes: NOT_FOUND, FAILED_PRECONDITION when it has ended already.",
	"Operations_WaitOperation":   "WaitOperation answers when it is done or the timeout is up, 20 s when none is given, 5 min at most: look at done, and ask again. Codes: NOT_FOUND.",
}

// nested finds a path parameter named after a field inside a message.
var nested = regexp.MustCompile(`\{[a-z_]+\.([a-z_]+)\}`)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(in io.Reader, out io.Writer) error {
	var doc object
	if err := json.NewDecoder(in).Decode(&doc); err != nil {
		return fmt.Errorf("parse document: %w", err)
	}
	paths, _ := doc["paths"].(object)
	joined := make(object, len(paths))
	for path, raw := range paths {
		item, _ := raw.(object)
		path = nested.ReplaceAllString(path, "{$1}")
		into, _ := joined[path].(object)
		if into == nil {
			into = make(object)
			joined[path] = into
		}
		for method, operation := range item {
			if _, taken := into[method]; taken {
				return fmt.Errorf("join paths: %s %s is there twice", method, path)
			}
			finish(operation.(object))
			into[method] = operation
		}
	}
	doc["paths"] = joined
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(doc); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	return nil
}

// finish completes one operation in place.
func finish(operation object) {
	parameters, _ := operation["parameters"].([]any)
	for _, raw := range parameters {
		parameter, _ := raw.(object)
		name, _ := parameter["name"].(string)
		if _, last, ok := strings.Cut(name, "."); ok && parameter["in"] == "path" {
			parameter["name"] = last
		}
	}
	if text, ours := longrunning[fmt.Sprint(operation["operationId"])]; ours {
		operation["description"] = text
	}
	responses, _ := operation["responses"].(object)
	for _, raw := range responses {
		response, _ := raw.(object)
		text, _ := response["description"].(string)
		if strings.HasPrefix(text, "A generic empty message") {
			response["description"] = "Done; nothing to tell."
		}
	}
	responses["default"] = object{"$ref": "#/components/responses/Problem"}
}
