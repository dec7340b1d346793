package kopitest_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaytest"
	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/examples/toygateway"
	"github.com/lunaspay/lunas/examples/toygateway/kopitest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

func TestGateway(t *testing.T) {
	for _, method := range []payments.Method{"qris", "bank_transfer/bca"} {
		t.Run(string(method), func(t *testing.T) {
			gatewaytest.Run(t, func(t *testing.T) gatewaytest.Simulator { return newSubject(t, method) })
		})
	}
}

// subject is the simulator as the suite wants it.
type subject struct {
	*kopitest.Server
	clock  *paymentstest.Clock
	method payments.Method
}

func newSubject(t *testing.T, method payments.Method) subject {
	t.Parallel()
	clock := paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC))
	return subject{kopitest.New(clock), clock, method}
}

func (s subject) Setup() gatewaytest.Setup {
	config := toygateway.Config{
		APIKey: kopitest.APIKey, SigningSecret: kopitest.SigningSecret, BaseURL: kopitest.URL, HTTPClient: s.Client(),
	}
	stranger := config
	stranger.SigningSecret = "of a stranger"
	return gatewaytest.Setup{
		Gateway: must(toygateway.New(config)), Stranger: must(toygateway.New(stranger)), Method: s.method,
		Secrets: []string{kopitest.APIKey, kopitest.SigningSecret}, Signature: toygateway.SignatureHeader,
		Sign: func(body []byte) http.Header {
			mac := hmac.New(sha512.New, []byte(kopitest.SigningSecret))
			_, _ = fmt.Fprintf(mac, "1778036460.%s", body)
			header := http.Header{}
			header.Set("Kopipay-Time", "1778036460")
			header.Set(toygateway.SignatureHeader, base64.StdEncoding.EncodeToString(mac.Sum(nil)))
			return header
		},
	}
}

func (s subject) Advance(d time.Duration) { s.clock.Advance(d) }

func (s subject) Fail(f simkit.Fault) { s.Faults.Add(f) }

func (s subject) Do(ref string, act gatewaytest.Act) error {
	switch act {
	case gatewaytest.Begin:
		return nil // the checkout has begun it: a charge waits from the start
	case gatewaytest.Deny:
		return s.Move(ref, "rejected")
	case gatewaytest.Expire:
		return s.Move(ref, "lapsed")
	case gatewaytest.Cancel:
		return s.Move(ref, "withdrawn")
	case gatewaytest.Challenge:
		return s.Move(ref, "checking")
	case gatewaytest.Approve:
		return s.Move(ref, "received")
	case gatewaytest.Refund:
		return s.Return(ref, 0)
	case gatewaytest.RefundPart:
		return s.Return(ref, 100) // one rupiah
	case gatewaytest.Reverse:
		return s.afterPay(ref, "taken_back")
	case gatewaytest.Chargeback:
		return s.afterPay(ref, "disputed")
	}
	return fmt.Errorf("act %q: %w", act, payments.ErrUnsupported)
}

func (s subject) afterPay(ref, state string) error {
	if err := s.Pay(ref); err != nil {
		return err
	}
	return s.Move(ref, state)
}

func must(g *toygateway.Gateway, err error) *toygateway.Gateway {
	if err != nil {
		panic(err)
	}
	return g
}
