package midtrans

import "github.com/lunaspay/lunas/adapters/gateways/gatewaykit"

// isSecret tells the names of values that must not be kept: what signs, and
// tokens by which a card or wallet can be charged.
func isSecret(name string) bool {
	switch name {
	case "signature_key", "saved_token_id", "token_id", "token", "card_token", "payment_option_token",
		"server_key", "card_number", "card_cvv", "cvv", "authorization":
		return true
	}
	return false
}

// clean prints o without secrets, fit to be kept.
func (c client) clean(o object) ([]byte, error) { return gatewaykit.Clean(o, isSecret, c.Scrub) }
