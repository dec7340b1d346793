package midtrans

import (
	"context"
	"fmt"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

var (
	_ payments.Gateway       = (*Gateway)(nil)
	_ payments.StatusReader  = (*Gateway)(nil)
	_ payments.Canceler      = (*Gateway)(nil)
	_ payments.Expirer       = (*Gateway)(nil)
	_ payments.Refunder      = (*Gateway)(nil)
	_ payments.Capturer      = (*Gateway)(nil)
	_ payments.Reviewer      = (*Gateway)(nil)
	_ payments.MethodLister  = (*Gateway)(nil)
	_ payments.MethodChooser = (*Gateway)(nil)
	_ payments.Linker        = (*Gateway)(nil)
	_ payments.Subscriber    = (*Gateway)(nil)
)

// Gateway is one merchant account at Midtrans. It is safe for concurrent use
// and keeps no state beside its configuration.
type Gateway struct {
	config   Config
	products product
	broken   error // why the Config cannot work
	client   client
}

// Snap returns a gateway whose checkouts are Snap pages. It does no I/O. A
// Config that cannot work is reported by [Gateway.Check], which payments.New
// calls; all other methods then fail, too.
func Snap(c Config) *Gateway { return newGateway(c, snapPages) }

// Core returns a gateway whose checkouts are charges of the Core API: each
// needs a Method, and answers with Instructions. See [Snap].
func Core(c Config) *Gateway { return newGateway(c, coreCharges) }

// SnapAndCore returns a gateway for both. A checkout with a Method that the
// Core API charges is a charge; one without a Method, with one that only Snap
// has, or by card without a card token, is a Snap page. An account of Midtrans
// has one notification URL, so it is one gateway, whatever it sells by.
func SnapAndCore(c Config) *Gateway { return newGateway(c, snapPages|coreCharges) }

func newGateway(c Config, products product) *Gateway {
	c.setDefaults()
	return &Gateway{config: c, products: products, broken: c.validate(), client: newClient(c)}
}

// Checkout opens a Snap page or charges through the Core API, as the gateway
// was made. Asked again with the same Ref it makes another page for the same
// order, or finds the same charge, until a transaction of the order is active
// or paid; then the error wraps payments.ErrWrongState.
//
// Method is the name that the way to pay has in notifications
// ("bank_transfer/bca", "cstore/alfamart", "qris", "gopay"), or Snap's
// ("bca_va", "alfamart", "other_qris"); see [Gateway.Methods]. Extra is the
// JSON of a [SnapExtra] for a page and of a [CoreExtra] for a charge. Cards are
// paid with 3-D Secure unless Extra says otherwise. The order's reference and
// metadata are not sent.
//
// A page has no transaction yet, so its result's Observation is empty; that of
// a charge holds the transaction and the Instructions.
func (g *Gateway) Checkout(ctx context.Context, r payments.CheckoutRequest) (payments.CheckoutResult, error) {
	if err := g.usable("checkout"); err != nil {
		return payments.CheckoutResult{}, err
	}
	c, known := channelBy(r.Method)
	if r.Repeat && r.PaymentToken == "" && c.needsToken() && g.products&coreCharges != 0 {
		if err := g.chargedBefore(ctx, r); err != nil {
			return payments.CheckoutResult{}, err
		}
	}
	switch {
	case g.products == snapPages:
		return g.openPage(ctx, r)
	case r.Method != "" && known && c.at(coreCharges) && (g.products == coreCharges || !c.needsToken() || r.PaymentToken != ""):
		return g.charge(ctx, r, c)
	case g.products&snapPages != 0:
		return g.openPage(ctx, r)
	case r.Method == "":
		return payments.CheckoutResult{}, payments.Invalid("method", "is required: one of those that GET /methods lists")
	}
	return payments.CheckoutResult{}, payments.Invalid("method", "%q is not charged by the Core API", gatewaykit.Shorten(string(r.Method), 64))
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
