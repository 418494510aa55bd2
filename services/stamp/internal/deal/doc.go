// Package deal makes the message that a CRM sends when a deal is won, signs it
// by Standard Webhooks 1.0 and posts it to a source's URL: what a test, a demo
// and a first try need in place of a CRM.
//
// The ids of the deal and the event follow from the company's name, so that
// the same deal sent twice is the same deal, as a CRM that repeats itself
// would send it:
//
//	receipt, err := deal.Send(ctx, deal.Config{Address: gateway, Source: "demo", Secret: secret},
//		deal.Deal{Company: "Globex", Blueprint: "helpdesk"})
package deal
