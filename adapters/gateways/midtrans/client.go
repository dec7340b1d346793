package midtrans

import (
	"context"
	"net/http"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
)

// client makes the calls of one merchant account.
type client struct{ *gatewaykit.Client }

type (
	request = gatewaykit.Call
	object  = gatewaykit.Object
)

func newClient(c Config) client {
	var secrets []string
	for _, key := range append([]string{c.ServerKey}, c.OldServerKeys...) {
		if key != "" {
			secrets = append(secrets, key, gatewaykit.Basic(key, ""))
		}
	}
	return client{gatewaykit.NewClient(gatewaykit.Policy{
		Gateway: c.Name, HTTP: c.HTTPClient, Timeout: c.Timeout, Log: c.Logger,
		Prepare:   func(r *http.Request) { r.SetBasicAuth(c.ServerKey, "") },
		Scrub:     gatewaykit.Scrubber(secrets...),
		Code:      func(a gatewaykit.Answer) string { return answer{a}.code() },
		Transient: func(a gatewaykit.Answer) bool { return answer{a}.isTransient() },
	})}
}

// do sends r. Its error is a *payments.GatewayError: no answer came back.
func (c client) do(ctx context.Context, r request) (answer, error) {
	a, err := c.Do(ctx, r)
	return answer{a}, err
}
