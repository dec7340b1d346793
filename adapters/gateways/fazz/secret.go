package fazz

import "github.com/lunaspay/lunas/adapters/gateways/gatewaykit"

// isSecret tells the names of values that must not be kept. Fazz is not known
// to send any: the signature is in a header. Should one come, it is not kept.
func isSecret(name string) bool {
	switch name {
	case "authorization", "signature", "xfers-signature", "x-xfers-signature",
		"apikey", "api_key", "secretkey", "secret_key", "signingsecret", "signing_secret", "secret", "token":
		return true
	}
	return false
}

// clean prints o without secrets, fit to be kept. Numbers of virtual accounts
// stay: the payer is shown them.
func (c client) clean(o object) ([]byte, error) { return gatewaykit.Clean(o, isSecret, c.Scrub) }
