package fazz

import (
	"fmt"
	"time"

	"github.com/lunaspay/lunas/payments"
)

var (
	_ payments.Gateway       = (*Gateway)(nil)
	_ payments.StatusReader  = (*Gateway)(nil)
	_ payments.Canceler      = (*Gateway)(nil)
	_ payments.MethodLister  = (*Gateway)(nil)
	_ payments.MethodChooser = (*Gateway)(nil)
)

// Gateway is one merchant account at Fazz. It is safe for concurrent use and
// keeps no state beside its configuration.
type Gateway struct {
	config Config
	broken error // why the Config cannot work
	client client
	now    func() time.Time // tests replace it
}

// New returns a gateway. It does no I/O. A Config that cannot work is reported
// by [Gateway.Check], which payments.New calls; all other methods then fail,
// too.
func New(c Config) *Gateway {
	c.setDefaults()
	return &Gateway{config: c, broken: c.validate(), client: newClient(c), now: time.Now}
}

// Check reports a Config that cannot work, in one line without keys.
func (g *Gateway) Check() error { return g.broken }

// Name returns Config.Name.
func (g *Gateway) Name() string { return g.config.Name }

// Format prints the gateway without its keys, whatever the verb.
func (g Gateway) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "fazz.Gateway(%s)", g.config.Name)
}

// usable is Check as the error of a call.
func (g *Gateway) usable(op string) error {
	if g.broken == nil {
		return nil
	}
	return g.fault(op, g.broken)
}

// fault is a final error of a call of ours; it wraps err.
func (g *Gateway) fault(op string, err error) *payments.GatewayError {
	return &payments.GatewayError{Gateway: g.config.Name, Op: op, Err: err}
}
