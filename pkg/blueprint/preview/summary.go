package preview

import (
	"strings"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// verbs are what a summary says of each action, in this order.
var verbs = []struct {
	action typev1.ComponentPreview_Action
	verb   string
}{
	{typev1.ComponentPreview_CREATE, "creates"},
	{typev1.ComponentPreview_CHANGE, "changes"},
	{typev1.ComponentPreview_RESTART, "restarts"},
	{typev1.ComponentPreview_STOP, "stops"},
	{typev1.ComponentPreview_REMOVE, "removes"},
}

// Summary puts a preview into words: "Changes app, migrates app, restarts edge;
// db stays as it is." What blocks it comes after it.
func Summary(components []*typev1.ComponentPreview, obstacles []*typev1.Obstacle) string {
	by := map[typev1.ComponentPreview_Action][]string{}
	var migrate []string
	for _, c := range components {
		by[c.GetAction()] = append(by[c.GetAction()], c.GetName())
		for _, job := range c.GetJobs() {
			if job == "migrate" {
				migrate = append(migrate, c.GetName())
			}
		}
	}
	var parts []string
	for _, v := range verbs {
		if names := by[v.action]; len(names) > 0 {
			parts = append(parts, v.verb+" "+List(names))
		}
	}
	if len(migrate) > 0 {
		parts = append(parts, "migrates "+List(migrate))
	}
	said := "Nothing to do."
	if len(parts) > 0 {
		said = strings.ToUpper(parts[0][:1]) + strings.Join(parts, ", ")[1:] + rest(by[typev1.ComponentPreview_NOTHING]) + "."
	}
	switch {
	case len(obstacles) == 0:
		return said
	case len(components) == 0:
		said = ""
	}
	return strings.TrimSpace(said + " Blocked: " + obstacles[0].GetMessage())
}

func rest(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "; " + names[0] + " stays as it is"
	}
	return "; " + List(names) + " stay as they are"
}

// List joins names for people: "a, b and c".
func List(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
