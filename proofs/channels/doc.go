// Package channels walks every way to pay that Midtrans's Core API charges,
// over real HTTP on both sides: from the checkout to the instructions, and on
// to a payment that is settled, denied, expired, canceled, and refunded where
// that is possible. What the table of capabilities says is held against what
// the simulator does. Payment links are walked as well: who begins, who pays
// beyond the limit, what the payer chooses, an answer that is lost.
package channels
