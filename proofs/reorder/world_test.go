package reorder

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/paymentstest"
	"github.com/lunaspay/lunas/storage/memory"
)

// mode is whom the shop believes.
type mode int

const (
	// believing takes what notifications tell for true.
	believing mode = iota
	// asking looks every transaction up; the answer is how it ends.
	asking
)

func (m mode) String() string { return []string{"believed", "looked up"}[m] }

// shop is a host app with one open payment. Its gateway's answers are those of
// a sequence.
type shop struct {
	pay     *payments.Service
	web     http.Handler
	clock   *paymentstest.Clock
	payment *payments.Payment
}

// wrap stands between the service and the real gateway; tests of this very
// test put faults there.
type wrap func(payments.Gateway) payments.Gateway

func openShop(s sequence, m mode, between wrap) (*shop, error) {
	transport := &answers{truth: s.truth}
	var gateway payments.Gateway = midtrans.Snap(midtrans.Config{
		ServerKey: serverKey, SnapURL: "http://midtrans.test", CoreURL: "http://midtrans.test",
		HTTPClient: &http.Client{Transport: transport}, TrustNotifications: m == believing,
	})
	if between != nil {
		gateway = between(gateway)
	}
	clock := paymentstest.NewClock(noon)
	pay, err := payments.New(payments.Config{
		Store: memory.New(), Clock: clock, Gateways: []payments.Gateway{gateway},
		Items:     payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(ordered)}},
		PublicURL: "http://shop.test/pay", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	out, err := pay.Checkout(context.Background(), payments.CreateParams{
		User: payments.EndUser{ID: "ana"}, Items: []payments.Pick{{ID: "mug", Quantity: 1}},
	})
	if err != nil {
		return nil, err
	}
	transport.order = string(out.Payment.ID)
	return &shop{pay: pay, web: pay.Handler(), clock: clock, payment: out.Payment}, nil
}

// receive is a notification that arrives, half a minute after the one before.
func (s *shop) receive(m message) int {
	s.clock.Advance(31 * time.Second)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/notifications/midtrans", bytes.NewReader(m.of(string(s.payment.ID))))
	r.Header.Set("Content-Type", "application/json")
	s.web.ServeHTTP(w, r)
	return w.Code
}

// run sends a sequence's messages in the given order and returns what came of
// it, or what went wrong on the way.
func (s sequence) run(m mode, order []message, between wrap) (outcome, error) {
	host, err := openShop(s, m, between)
	if err != nil {
		return outcome{}, err
	}
	for i, next := range order {
		if code := host.receive(next); code != http.StatusOK && !(m == asking && code == http.StatusServiceUnavailable && s.takenBack(next)) {
			return outcome{}, fmt.Errorf("message %d (%s) was answered with %d", i+1, next, code)
		}
	}
	return host.outcome()
}

// takenBack reports whether the gateway's last word contradicts the message.
func (s sequence) takenBack(m message) bool {
	return slices.ContainsFunc(s.want.takenBack, func(n int) bool { return bytes.Equal(s.messages[n-1].raw, m.raw) })
}

// answers is Midtrans as seen by the real client, without a socket: it opens
// pages, and knows how each transaction ends.
type answers struct {
	truth map[string]message
	order string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	id, isStatus := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v2/"), "/status")
	if !isStatus {
		return answer(r, http.StatusCreated, []byte(`{"token":"t-1","redirect_url":"http://midtrans.test/t-1"}`)), nil
	}
	truth, ok := a.truth[id]
	if !ok {
		return answer(r, http.StatusOK, []byte(`{"status_code":"404","status_message":"Transaction doesn't exist."}`)), nil
	}
	return answer(r, http.StatusOK, truth.of(a.order)), nil
}

func answer(r *http.Request, code int, body []byte) *http.Response {
	return &http.Response{
		StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: r,
	}
}
