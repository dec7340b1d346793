package midtranstest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaytest"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

func TestGateway(t *testing.T) {
	t.Run("snap", func(t *testing.T) { gatewaytest.Run(t, newSubject) })
	for _, method := range []payments.Method{"bank_transfer/bca", "qris", "gopay", "cstore/alfamart"} {
		t.Run(string(method), func(t *testing.T) {
			gatewaytest.Run(t, func(t *testing.T) gatewaytest.Simulator { return coreSubject{newSubject(t).(subject), method} })
		})
	}
}

// coreSubject is the simulator whose checkouts are charges of the Core API: the
// transaction has begun with them.
type coreSubject struct {
	subject
	method payments.Method
}

func (s coreSubject) Setup() gatewaytest.Setup {
	config := s.Config()
	stranger := config
	stranger.ServerKey = "SB-Mid-server-of-a-stranger"
	return gatewaytest.Setup{
		Gateway: midtrans.Core(config), Stranger: midtrans.Core(stranger), Method: s.method,
		Secrets: []string{config.ServerKey}, Signature: "signature_key",
	}
}

func (s coreSubject) Do(ref string, act gatewaytest.Act) error {
	switch act {
	case gatewaytest.Begin:
		return s.Resend(ref, 1)
	case gatewaytest.Challenge, gatewaytest.Reverse, gatewaytest.Chargeback: // of other methods
		return payments.ErrUnsupported
	}
	if refunds := midtrans.Core(s.Config()).Capabilities(s.method).Refund; !refunds && (act == gatewaytest.Refund || act == gatewaytest.RefundPart) {
		return payments.ErrUnsupported
	}
	return s.subject.Do(ref, act)
}

// Fail: what the suite calls a checkout is a charge here.
func (s coreSubject) Fail(f simkit.Fault) {
	if f.Op == "checkout" {
		f.Op = "charge"
	}
	s.subject.Fail(f)
}

// subject is the simulator as the suite wants it.
type subject struct {
	*midtranstest.Server
	clock *paymentstest.Clock
}

func newSubject(t *testing.T) gatewaytest.Simulator {
	t.Parallel()
	clock := paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC))
	sim := midtranstest.NewServer(midtranstest.WithClock(clock), midtranstest.WithNotificationURL("http://shop.test/notifications"))
	t.Cleanup(sim.Close)
	return subject{sim, clock}
}

func (s subject) Setup() gatewaytest.Setup {
	config := s.Config()
	stranger := config
	stranger.ServerKey = "SB-Mid-server-of-a-stranger"
	return gatewaytest.Setup{
		Gateway: midtrans.Snap(config), Stranger: midtrans.Snap(stranger),
		Secrets: []string{config.ServerKey}, Signature: "signature_key",
	}
}

func (s subject) Advance(d time.Duration) { s.clock.Advance(d) }

func (s subject) Pay(ref string) error { return s.Server.Pay(ref) }

func (s subject) Do(ref string, act gatewaytest.Act) error {
	switch act {
	case gatewaytest.Begin:
		return s.Choose(ref)
	case gatewaytest.Deny:
		return s.Deny(ref)
	case gatewaytest.Expire:
		return s.Expire(ref)
	case gatewaytest.Cancel:
		return s.Cancel(ref)
	case gatewaytest.Challenge:
		return s.Challenge(ref)
	case gatewaytest.Approve:
		return s.Approve(ref)
	case gatewaytest.Refund:
		return s.RefundFromDashboard(ref, 0)
	case gatewaytest.RefundPart:
		return s.RefundFromDashboard(ref, 1)
	case gatewaytest.Reverse:
		if err := s.Server.Pay(ref, midtranstest.By("permata_va")); err != nil {
			return err
		}
		return s.Reverse(ref)
	case gatewaytest.Chargeback:
		if err := s.Server.Pay(ref, midtranstest.By("credit_card")); err != nil {
			return err
		}
		s.clock.Advance(2 * 24 * time.Hour) // settled by then
		return s.Chargeback(ref)
	}
	return fmt.Errorf("act %q: %w", act, payments.ErrUnsupported)
}
