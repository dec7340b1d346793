package midtranstest

import (
	"fmt"
	"strings"
)

// card is one of the sandbox's test cards.
type card struct {
	number, brand string
	outcome       outcome
	// eci is told with an authentication by 3-D Secure.
	eci string
}

// unasked is the eci of a card whose bank does not ask its holder.
const unasked = "07"

// outcome is what happens to a payment by a test card.
type outcome string

const (
	accepted   outcome = "accepted"
	bankDenied outcome = "denied by the bank"
	fraud      outcome = "denied for fraud"
	challenged outcome = "challenged for fraud"
	poor       outcome = "denied: insufficient funds"
)

// cards are shown on the page in this order.
var cards = []card{
	{"4811111111111114", "Visa", accepted, "05"},
	{"5211111111111117", "Mastercard", accepted, "02"},
	{"3528203324564357", "JCB", accepted, "05"},
	{"370192169722458", "American Express", accepted, "05"},
	{"4411111111111118", "Visa, 3DS attempted", accepted, "06"},
	{"4211111111111110", "Visa, without 3DS", accepted, unasked}, // of older lists
	{"4911111111111113", "Visa", bankDenied, "05"},
	{"5111111111111118", "Mastercard", bankDenied, "02"},
	{"4711111111111115", "Visa, 3DS attempted", bankDenied, "06"},
	{"4472429869996670", "Visa", poor, "05"},
	{"4611111111111116", "Visa", fraud, "05"},
	{"5411111111111115", "Mastercard", fraud, "02"},
	{"4511111111111117", "Visa", challenged, "05"},
	{"5510111111111115", "Mastercard", challenged, "02"},
}

// The cards that the payer's actions use unless told otherwise.
const (
	goodCard       = "4811111111111114"
	deniedCard     = "4911111111111113"
	challengedCard = "4511111111111117"
)

func cardNumbered(number string) (card, error) {
	number = strings.ReplaceAll(number, " ", "")
	for _, c := range cards {
		if c.number == number {
			return c, nil
		}
	}
	return card{}, fmt.Errorf("midtranstest: %q is not a test card of the simulator", number)
}

// asks reports whether the bank asks the holder, if 3-D Secure is wanted.
func (t *Transaction) asks() bool {
	c, err := cardNumbered(t.Card)
	return err == nil && c.eci != unasked
}

// Grouped is the number as it stands on a card.
func (c card) Grouped() string {
	var b strings.Builder
	for i, digit := range c.number {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// Number, Label and Tone are for the page.
func (c card) Number() string { return c.number }
func (c card) Label() string  { return c.brand + " – " + string(c.outcome) }
func (c card) Tone() string {
	switch c.outcome {
	case accepted:
		return "good"
	case challenged:
		return "wait"
	}
	return "bad"
}

// masked is the number as bodies show it.
func (c card) masked() string { return c.number[:8] + "-" + c.number[len(c.number)-4:] }

// keys are those of bodies as soon as the card is known.
func (c card) keys() map[string]any {
	return map[string]any{"masked_card": c.masked(), "bank": "bni", "card_type": "credit"}
}

// verdict is the status of a payment by the card, and the keys that come with
// it. approval is the code of a successful one.
func (c card) verdict(approval string) (status, fraudStatus string, keys map[string]any) {
	bank := func(code, message string) map[string]any {
		return map[string]any{"channel_response_code": code, "channel_response_message": message, "eci": c.eci}
	}
	switch c.outcome {
	case bankDenied:
		return "deny", "accept", bank("05", "Do not honor")
	case poor:
		return "deny", "accept", bank("51", "Insufficient Funds")
	case fraud: // the bank was never asked
		return "deny", "deny", nil
	}
	keys = bank("00", "Approved")
	keys["approval_code"] = approval
	if c.outcome == challenged {
		return "capture", "challenge", keys
	}
	return "capture", "accept", keys
}
