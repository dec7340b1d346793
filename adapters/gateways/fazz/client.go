package fazz

import (
	"context"
	"net/http"
	"net/url"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
)

// mediaType is what Fazz takes requests as.
const mediaType = "application/vnd.api+json"

// client makes the calls of one merchant account.
type client struct {
	*gatewaykit.Client
	base string
}

type (
	request = gatewaykit.Call
	object  = gatewaykit.Object
	checker = gatewaykit.Checker
)

func newClient(c Config) client {
	secrets := []string{gatewaykit.Basic(c.APIKey, c.SecretKey), c.SecretKey, c.APIKey, c.SigningSecret}
	return client{base: c.BaseURL, Client: gatewaykit.NewClient(gatewaykit.Policy{
		Gateway: c.Name, HTTP: c.HTTPClient, Timeout: c.Timeout, Log: c.Logger,
		Prepare: func(r *http.Request) {
			r.SetBasicAuth(c.APIKey, c.SecretKey)
			if r.Method == http.MethodPost {
				r.Header.Set("Content-Type", mediaType)
			}
		},
		Scrub:     gatewaykit.Scrubber(append(secrets, c.OldSigningSecrets...)...),
		Code:      func(a gatewaykit.Answer) string { return answer{a}.code() },
		Transient: func(a gatewaykit.Answer) bool { return answer{a}.isTransient() },
	})}
}

// get asks for what is at path, relative to Config.BaseURL.
func (c client) get(ctx context.Context, op, path string, query url.Values) (request, answer, error) {
	r := request{Op: op, Method: http.MethodGet, URL: c.base + path}
	if len(query) > 0 {
		r.URL += "?" + query.Encode()
	}
	a, err := c.Do(ctx, r)
	return r, answer{a}, err
}

// post sends attributes in Fazz's envelope.
func (c client) post(ctx context.Context, op, path string, attributes any) (request, answer, error) {
	r := request{
		Op: op, Method: http.MethodPost, URL: c.base + path,
		Body: map[string]any{"data": map[string]any{"attributes": attributes}},
	}
	a, err := c.Do(ctx, r)
	return r, answer{a}, err
}
