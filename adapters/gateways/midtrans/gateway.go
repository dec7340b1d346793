package midtrans

import (
	"fmt"

	"github.com/lunaspay/lunas/payments"
)

var (
	_ payments.Gateway      = (*Gateway)(nil)
	_ payments.StatusReader = (*Gateway)(nil)
	_ payments.Canceler     = (*Gateway)(nil)
	_ payments.Expirer      = (*Gateway)(nil)
	_ payments.Refunder     = (*Gateway)(nil)
)

// Gateway is one merchant account at Midtrans. It is safe for concurrent use
// and keeps no state beside its configuration.
type Gateway struct {
	config Config
	broken error // why the Config cannot work
	client *client
}

// Snap returns a gateway whose checkouts are Snap pages. It does no I/O. A
// Config that cannot work is reported by [Gateway.Check], which payments.New
// calls; all other methods then fail, too.
func Snap(c Config) *Gateway {
	c.setDefaults()
	return &Gateway{config: c, broken: c.validate(), client: newClient(c)}
}

// Check reports a Config that cannot work, in one line without keys.
func (g *Gateway) Check() error { return g.broken }

// Name returns Config.Name.
func (g *Gateway) Name() string { return g.config.Name }

// ClientKey returns Config.ClientKey, which snap.js needs.
func (g *Gateway) ClientKey() string { return g.config.ClientKey }

// ScriptURL is where a page loads snap.js from.
func (g *Gateway) ScriptURL() string { return g.config.SnapURL + "/snap/snap.js" }

// Format prints the gateway without its keys, whatever the verb.
func (g Gateway) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "midtrans.Gateway(%s)", g.config.Name)
}

// usable is Check as the error of a call.
func (g *Gateway) usable(op string) error {
	if g.broken == nil {
		return nil
	}
	return &payments.GatewayError{Gateway: g.config.Name, Op: op, Err: g.broken}
}
