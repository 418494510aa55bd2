package dev

import (
	"context"
	"slices"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/sample"
)

// tell says where everything is, then, in the demo, its story.
func (s *session) tell(ctx context.Context, dir string) error {
	if err := s.greet(ctx); err != nil {
		return err
	}
	if s.opts.Demo {
		return s.story(ctx, dir)
	}
	s.say("Token in %s, log in %s. Ctrl-C ends the control plane; stamps go on (stop them too: %s dev stop --data-dir %s).",
		s.opts.TokenFile, s.logPath(), program(), s.opts.DataDir)
	return nil
}

// stuck says why the story ended early. What runs goes on: nobody's copy is
// stopped because a story could not be told.
func (s *session) stuck(err error) {
	s.say("The story ends here: %s", exit.Message(err))
	s.say("Stampworks goes on at %s until Ctrl-C. What is wrong with it: %s doctor   Its log: %s", s.url, program(), s.logPath())
}

// greet says where everything is, and what separates one customer from another.
func (s *session) greet(ctx context.Context) error {
	cell, err := sample.Cell(ctx, s.api)
	if err != nil {
		return err
	}
	s.say("Stampworks at %s · isolation: %s", s.url, isolation(cell.GetStatus().GetIsolation()))
	return nil
}

// story wins a deal and follows it to the customer's own running copy.
func (s *session) story(ctx context.Context, dir string) error {
	product, err := sample.Publish(ctx, s.api, sample.Options{Lite: s.opts.Lite})
	if err != nil {
		return err
	}
	published := "published"
	if product.Kept {
		published = "as it was published here before"
	}
	s.say("1 product   %s %s %s · %s", product.Blueprint, product.Revision, published, parts(product, s.opts.Lite))
	source, err := sample.Source(ctx, s.api, dir)
	if err != nil {
		return err
	}
	if err := s.assume(dir, product.Blueprint); err != nil {
		return err
	}
	won, err := s.win(ctx, product, source)
	if err != nil {
		return err
	}
	if won.tenant.GetSuspended() {
		s.say("3 suspended %s stays stopped, its data kept%s", won.id(), because(won.tenant))
		s.suggest(product.Blueprint, "tenant resume "+won.id()+" --wait", first(won.deal.Company)+" is served again")
		return nil
	}
	s.say("3 stamping  %s", won.id())
	last, err := s.follow(ctx, won.tenant)
	if err != nil {
		return err
	}
	if err := s.live(ctx, won, last); err != nil {
		return err
	}
	s.suggest(product.Blueprint, "demo break "+won.id()+" "+breakable(product.Components), "only "+first(won.deal.Company)+" goes red, then heals")
	return nil
}

// assume lets the commands of a folder take the sample's CRM and product when
// nobody says which, however many others there are later.
func (s *session) assume(dir, blueprint string) error {
	if s.elsewhere {
		return nil
	}
	return client.Write(dir, client.File{Address: s.url, Token: s.token, Source: sample.SourceID, Blueprint: blueprint})
}

// suggest says what to try next.
func (s *session) suggest(blueprint, command, means string) {
	send := "source send --deal Globex"
	if s.elsewhere { // what a command of this folder assumes is another one's
		here := " --addr " + s.url + " --token \"$(cat " + s.opts.TokenFile + ")\""
		send = "source send " + sample.SourceID + " --deal Globex --blueprint " + blueprint + here
		command += here
	}
	s.say("In another terminal:  %-44s win another (send it twice: still one)", program()+" "+send)
	s.say("                      %-44s %s", program()+" "+command, means)
}

// breakable is the component to kill: one that the customer cannot do without.
func breakable(components []string) string {
	if slices.Contains(components, "db") {
		return "db"
	}
	return "app"
}
