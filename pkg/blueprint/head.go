package blueprint

import (
	"fmt"
	"regexp"

	"github.com/Masterminds/semver/v3"

	"stampworks.dev/pkg/errs"
)

var slug = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

const slugForm = "lower-case letters, digits and dashes, beginning with a letter, at most 40"

// checkHead checks what a blueprint says about itself.
func (c *compiler) checkHead() {
	if name := c.msg.GetBlueprint(); name == "" {
		c.at("blueprint", "is missing", "the product's name, "+slugForm)
	} else if !slug.MatchString(name) {
		c.at("blueprint", fmt.Sprintf("%q is not a product's name", name), slugForm)
	}
	switch revision := c.msg.GetRevision(); {
	case revision == "":
		c.at("revision", "is missing", `a semantic version such as "1.4.0"`)
	case len(revision) > 40:
		c.at("revision", "is longer than 40 characters", `a semantic version such as "1.4.0"`)
	default:
		if _, err := semver.StrictNewVersion(revision); err != nil {
			c.at("revision", fmt.Sprintf("%q is not a semantic version", revision), `three numbers such as "1.4.0"`)
		}
	}
	c.checkConstraint("upgrade_from", c.msg.GetUpgradeFrom())
	if len(c.msg.GetPlans()) == 0 {
		c.at("plans", "has no plan", `at least one, such as "standard: {}"`)
	}
	if len(c.msg.GetComponents()) == 0 {
		c.at("components", "has no component", "at least one")
	}
}

func (c *compiler) checkConstraint(path, text string) {
	if text == "" {
		return
	}
	if _, err := semver.NewConstraint(text); err != nil {
		c.at(path, fmt.Sprintf("%q is not a range of versions", text), `a range such as ">=1.2.0" or ">=15 <16"`)
	}
}

// CheckUpgrade says whether a stamp of another revision may become one of this
// recipe: not a downgrade, and within upgrade_from. The error is
// FailedPrecondition. From the same revision it is nil.
func (r *Recipe) CheckUpgrade(from string) error {
	old, err := semver.StrictNewVersion(from)
	if err != nil {
		return errs.New(errs.InvalidArgument, "REVISION_INVALID", "revision %q is not a semantic version", from)
	}
	now, err := semver.StrictNewVersion(r.Revision())
	if err != nil {
		return fmt.Errorf("read revision %q: %w", r.Revision(), err)
	}
	if now.LessThan(old) {
		return errs.New(errs.FailedPrecondition, "UPGRADE_REFUSED", "revision %s is older than %s: downgrades are refused; to go back, create a new tenant from a backup of %s", now, old, now)
	}
	text := r.msg.GetUpgradeFrom()
	if text == "" || now.Equal(old) {
		return nil
	}
	allowed, err := semver.NewConstraint(text)
	if err != nil {
		return fmt.Errorf("read range %q: %w", text, err)
	}
	allowed.IncludePrerelease = true
	if !allowed.Check(old) {
		return errs.New(errs.FailedPrecondition, "UPGRADE_REFUSED", "revision %s can be upgraded to from %s only, not from %s: upgrade to one of those first", now, text, old)
	}
	return nil
}
