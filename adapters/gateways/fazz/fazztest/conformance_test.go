package fazztest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/fazz"
	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
	"github.com/lunaspay/lunas/adapters/gateways/gatewaytest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

// The suite's cases are those that Midtrans passes, by each kind of method.
func TestGateway(t *testing.T) {
	for _, method := range []payments.Method{"bank_transfer/bca", "qris", "shopeepay", "cstore/alfamart"} {
		t.Run(string(method), func(t *testing.T) {
			gatewaytest.Run(t, func(t *testing.T) gatewaytest.Simulator { return newSubject(t, method, false) })
		})
	}
	t.Run("trusted", func(t *testing.T) {
		gatewaytest.Run(t, func(t *testing.T) gatewaytest.Simulator { return newSubject(t, "bank_transfer/bca", true) })
	})
}

// subject is the simulator as the suite wants it.
type subject struct {
	*fazztest.Server
	clock   *paymentstest.Clock
	method  payments.Method
	trusted bool
}

func newSubject(t *testing.T, method payments.Method, trusted bool) gatewaytest.Simulator {
	t.Parallel()
	clock := paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC))
	sim := fazztest.NewServer(fazztest.WithClock(clock), fazztest.WithNotificationURL("http://shop.test/notifications"))
	t.Cleanup(sim.Close)
	return subject{sim, clock, method, trusted}
}

func (s subject) Setup() gatewaytest.Setup {
	config := s.Config()
	config.TrustNotifications = s.trusted
	stranger := config
	stranger.SigningSecret = "ss_of_a_stranger"
	return gatewaytest.Setup{
		Gateway: fazz.New(config), Stranger: fazz.New(stranger), Method: s.method,
		Secrets: []string{config.SecretKey, config.SigningSecret}, Signature: "Xfers-Signature",
		Sign: func(body []byte) http.Header {
			mac := hmac.New(sha256.New, []byte(config.SigningSecret))
			mac.Write(body)
			return http.Header{"Xfers-Signature": {hex.EncodeToString(mac.Sum(nil))}}
		},
	}
}

func (s subject) Advance(d time.Duration) { s.clock.Advance(d) }

func (s subject) Pay(ref string) error {
	if err := s.Server.Pay(ref); err != nil {
		return err
	}
	return s.Complete(ref)
}

func (s subject) Do(ref string, act gatewaytest.Act) error {
	switch act {
	case gatewaytest.Begin:
		return s.Resend(ref, 1) // it has begun with the checkout
	case gatewaytest.Deny:
		return s.FailPayment(ref, "declined")
	case gatewaytest.Expire:
		return s.Expire(ref)
	case gatewaytest.Cancel:
		return s.Cancel(ref)
	}
	return fmt.Errorf("act %q: %w", act, payments.ErrUnsupported)
}
