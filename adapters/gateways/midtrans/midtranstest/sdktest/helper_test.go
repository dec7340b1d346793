package sdktest

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/midtrans/midtrans-go"
	"github.com/midtrans/midtrans-go/coreapi"
	"github.com/midtrans/midtrans-go/snap"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments/paymentstest"
)

// merchant uses the SDK as its documentation says.
type merchant struct {
	t     *testing.T
	sim   *midtranstest.Server
	clock *paymentstest.Clock
	snap  snap.Client
	core  coreapi.Client
}

const serverKey = "SB-Mid-server-sdk"

func newMerchant(t *testing.T) *merchant {
	t.Parallel()
	clock := paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC))
	m := &merchant{
		t: t, clock: clock,
		sim: midtranstest.NewServer(midtranstest.WithClock(clock), midtranstest.WithKeys(serverKey, "SB-Mid-client-sdk")),
	}
	t.Cleanup(m.sim.Close)
	m.useKey(serverKey)
	return m
}

// useKey makes both clients anew with a key.
func (m *merchant) useKey(key string) {
	m.t.Helper()
	base, err := url.Parse(m.sim.URL)
	require.NoError(m.t, err)
	transport := &midtrans.HttpClientImplementation{
		HttpClient: &http.Client{Transport: toSimulator{base, m.sim.Client().Transport}},
		Logger:     &midtrans.LoggerImplementation{LogLevel: midtrans.NoLogging},
	}
	m.snap.New(key, midtrans.Sandbox)
	m.core.New(key, midtrans.Sandbox)
	m.snap.HttpClient, m.core.HttpClient = transport, transport
}

// toSimulator leads the requests for Midtrans's hosts to the simulator, which
// still sees the name of the host that was meant.
type toSimulator struct {
	base *url.URL
	next http.RoundTripper
}

func (t toSimulator) RoundTrip(r *http.Request) (*http.Response, error) {
	to := r.Clone(r.Context())
	to.Host = r.URL.Host
	to.URL.Scheme, to.URL.Host = t.base.Scheme, t.base.Host
	return t.next.RoundTrip(to)
}

// order opens a checkout of 30,000 rupiah.
func (m *merchant) order(id string) *snap.Response {
	m.t.Helper()
	got, err := m.snap.CreateTransaction(request(id, 30_000))
	m.noError(err)
	return got
}

func request(id string, amount int64) *snap.Request {
	return &snap.Request{
		TransactionDetails: midtrans.TransactionDetails{OrderID: id, GrossAmt: amount},
		Items:              &[]midtrans.ItemDetails{{ID: "mug", Name: "Mug", Price: 10_000, Qty: 3}},
		CustomerDetail: &midtrans.CustomerDetails{
			FName: "Sari", Email: "sari@example.com", Phone: "081234567890",
			BillAddr: &midtrans.CustomerAddress{FName: "Sari", City: "Bandung", CountryCode: "IDN"},
		},
		CreditCard:   &snap.CreditCardDetails{Secure: true},
		Callbacks:    &snap.Callbacks{Finish: "https://shop.example/thanks"},
		Expiry:       &snap.ExpiryDetails{StartTime: "2026-05-06 10:00:00 +0700", Unit: "hour", Duration: 12},
		CustomField1: "from the SDK",
		Metadata:     map[string]any{"cart": 7},
	}
}

// noError and code take the SDK's error type, as a nil of it in an error is
// not nil.
func (m *merchant) noError(err *midtrans.Error) {
	m.t.Helper()
	if err != nil {
		require.NoError(m.t, err)
	}
}

func (m *merchant) code(want int, err *midtrans.Error, doing string) {
	m.t.Helper()
	require.NotNil(m.t, err, doing)
	require.Equal(m.t, want, err.GetStatusCode(), doing)
	require.NotNil(m.t, err.GetRawApiResponse(), "the answer was readable")
}

func (m *merchant) ok(err error) {
	m.t.Helper()
	require.NoError(m.t, err)
}
