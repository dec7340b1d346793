// Package howto tells a payer, in Indonesian or English, how to pay: step by
// step, for each bank and channel.
//
//	for _, way := range howto.For("bank_transfer/bca", "id") {
//		way = way.Fill(*out.Session.Instructions)
//		// way.Title, way.Steps
//	}
//
// A method is named as a payment or an attempt names it. It may have several
// ways: a BCA virtual account can be paid at an ATM, in an app or in a
// browser.
//
// Banks rename and move their menus without telling anybody. The steps are
// therefore written so that a renamed button does not make them useless: they
// name the place where the menu was last known to be, and what to look for
// there. They are help, not a promise, and say nothing about fees, limits or
// opening hours. The bank's or store's own pages are right where they differ.
//
// The words are in ways/*.json, in both languages side by side, so that they
// can be corrected without touching code; ways/README.md says how. They are
// plain text: a page that shows them escapes them like any other text.
//
// All functions are safe for concurrent use and do no I/O.
package howto
