package fazz

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// wanted asks for what paymentBody is.
func wanted(method payments.Method) payments.CheckoutRequest {
	return payments.CheckoutRequest{
		Order: payments.Order{
			ID: payments.NewID(), Reference: "host-7", Amount: payments.IDR(150_000), Metadata: map[string]string{"a": "b"},
			User:  payments.EndUser{ID: "u-1", Name: "Siti  Nurhaliza-Rahmawati O'Neil", Phone: "+62 812-3456-789"},
			Lines: []payments.Line{{Item: payments.Item{ID: "mug", Name: "Mug", Price: payments.IDR(75_000)}, Quantity: 2}},
		},
		Ref: "INV-1", Method: method, ReturnURL: "https://shop.example/thanks?o=1", NotificationURL: "https://shop.example/n",
	}
}

// made is the answer to a request of a channel.
func made(t *testing.T, c channel, word string) string {
	t.Helper()
	way := map[string]any{"id": "1", "type": c.typ, "referenceId": "INV-1"}
	switch c.typ {
	case typeAccount:
		way["instructions"] = map[string]any{"bankShortCode": c.code, "accountNo": "8848123456789012", "displayName": "TOKO"}
	case typeStore:
		way["instructions"] = map[string]any{"retailOutletName": c.code, "paymentCode": "8887322", "displayName": "TOKO"}
	case typeQRIS:
		way["instructions"] = map[string]any{"imageUrl": "https://fazz.example/qr.png", "displayName": "TOKO"}
	case typeWallet:
		way["instructions"] = map[string]any{}
		way["settlement"] = map[string]any{"httpUrl": "https://wallet.example/pay", "afterSettlementUrl": "https://shop.example/thanks?o=1"}
	}
	return change(t, paymentBody(word), "data.attributes.paymentMethod", way)
}

// TestCheckout pins the requests, to the byte, and what is read of answers.
func TestCheckout(t *testing.T) {
	t.Parallel()
	begin := func(typ string) string {
		return `{"data":{"attributes":{"paymentMethodType":"` + typ + `","amount":150000,"currency":"IDR","referenceId":"INV-1",` +
			`"description":"Mug","paymentMethodOptions":{`
	}
	const name = `"displayName":"Siti NurhalizaRahmaw"`
	ends := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	account := func(bank string) payments.Instructions {
		return payments.Instructions{Kind: payments.KindVirtualAccount, Bank: bank, VANumber: "8848123456789012"}
	}
	wallet := payments.Instructions{Kind: payments.KindRedirect, RedirectURL: "https://wallet.example/pay"}
	for _, c := range []struct {
		method payments.Method
		body   string
		want   payments.Instructions
	}{
		{"bank_transfer/bca", begin(typeAccount) + `"bankShortCode":"BCA",` + name, account("bca")},
		{"bank_transfer/bri", begin(typeAccount) + `"bankShortCode":"BRI",` + name, account("bri")},
		{"bank_transfer/bni", begin(typeAccount) + `"bankShortCode":"BNI",` + name, account("bni")},
		{"bank_transfer/mandiri", begin(typeAccount) + `"bankShortCode":"MANDIRI",` + name, account("mandiri")},
		{"bank_transfer/sahabat_sampoerna", begin(typeAccount) + `"bankShortCode":"SAHABAT_SAMPOERNA",` + name, account("sahabat_sampoerna")},
		{"qris", begin(typeQRIS) + name, payments.Instructions{Kind: payments.KindQR, QRImageURL: "https://fazz.example/qr.png"}},
		{"shopeepay", begin(typeWallet) + `"providerCode":"SHOPEEPAY","afterSettlementReturnUrl":"https://shop.example/thanks?o=1"`, wallet},
		{"ovo", begin(typeWallet) + `"providerCode":"OVO","afterSettlementReturnUrl":"https://shop.example/thanks?o=1","phoneNumber":"+628123456789"`, wallet},
		{"cstore/alfamart", begin(typeStore) + `"retailOutletName":"ALFAMART",` + name, payments.Instructions{Kind: payments.KindCounter, Store: "alfamart", Code: "8887322"}},
		{"cstore/indomaret", begin(typeStore) + `"retailOutletName":"INDOMARET",` + name, payments.Instructions{Kind: payments.KindCounter, Store: "indomaret", Code: "8887322"}},
	} {
		ch, known := channelBy(c.method)
		require.True(t, known)
		for _, asked := range []payments.Method{c.method, ch.alias} {
			if asked == "" {
				continue
			}
			f := serve(t, answers(http.StatusCreated, made(t, ch, "pending")))
			got, err := f.Checkout(context.Background(), wanted(asked))
			require.NoError(t, err, c.method)
			call := f.last(t)
			require.Equal(t, "POST /api/v4/payments", call.line())
			require.Equal(t, c.body+`}}}}`, call.body)
			require.Equal(t, "application/vnd.api+json", call.Header.Get("Content-Type"))
			user, password, _ := call.BasicAuth()
			require.Equal(t, testAPIKey+" "+testKey, user+" "+password)

			o := got.Observation
			c.want.Method, c.want.Amount, c.want.ExpiresAt = c.method, payments.IDR(150_000), ends
			require.Equal(t, &c.want, o.Instructions, c.method)
			require.Equal(t, c.want.RedirectURL, got.RedirectURL)
			require.Empty(t, got.Token)
			require.Equal(t, c.method, o.Method)
			require.Equal(t, "INV-1 "+contract+" pending", o.Ref+" "+o.TransactionID+" "+o.RawStatus)
			require.Equal(t, payments.IDR(150_000), o.Amount)
			require.Equal(t, words["pending"], o.Facts)
			require.Contains(t, string(o.Raw), contract)
		}
	}
}

func TestSampleOfAnAnswer(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(201, sample(t, "pending_answer")))
	r := wanted("cstore/alfamart")
	r.Ref, r.Order.Amount, r.ExpiresAt = "ORDER_0001", payments.IDR(100_000), testNow.Add(24*time.Hour)
	r.Extra = []byte(`{"displayName":"Nama Tampilan","description":"Order Number 0001"}`)
	got, err := f.Checkout(context.Background(), r)
	require.NoError(t, err)
	require.JSONEq(t, `{"data":{"attributes":{"paymentMethodType":"retail_outlet","amount":100000,"currency":"IDR","referenceId":"ORDER_0001",
		"expiredAt":"2026-01-02T10:00:00+07:00","description":"Order Number 0001",
		"paymentMethodOptions":{"retailOutletName":"ALFAMART","displayName":"Nama Tampilan"}}}}`, f.last(t).body)
	require.Equal(t, &payments.Instructions{
		Kind: payments.KindCounter, Method: "cstore/alfamart", Store: "alfamart", Code: "8887322",
		Amount: payments.IDR(100_000), ExpiresAt: time.Date(2020, 10, 20, 2, 12, 48, 0, time.UTC),
	}, got.Observation.Instructions)
	require.JSONEq(t, sample(t, "pending_answer"), string(got.Observation.Raw))
}

func TestOptions(t *testing.T) {
	t.Parallel()
	sent := func(method payments.Method, change func(*payments.CheckoutRequest), config ...func(*Config)) string {
		ch, _ := channelBy(method)
		f := serve(t, answers(201, made(t, ch, "pending")), config...)
		r := wanted(method)
		change(&r)
		_, err := f.Checkout(context.Background(), r)
		require.NoError(t, err)
		return f.last(t).body
	}
	extra := func(json string) func(*payments.CheckoutRequest) {
		return func(r *payments.CheckoutRequest) { r.Extra = []byte(json) }
	}
	shop := func(c *Config) { c.DisplayName = "TOKO 1" }
	require.Contains(t, sent("bank_transfer/bni", extra(`{"suffixNo":"0042"}`)), `"suffixNo":"0042"`)
	require.NotContains(t, sent("qris", extra(`{"suffixNo":"0042","phone":"081234567"}`)), "0042")
	require.Contains(t, sent("qris", extra(``), shop), `"displayName":"TOKO 1"`)
	require.Contains(t, sent("qris", extra(`{"displayName":"Other"}`), shop), `"displayName":"Other"`)
	require.Contains(t, sent("ovo", extra(`{"phone":"0812 3456 789"}`)), `"phoneNumber":"08123456789"`)
	require.NotContains(t, sent("ovo", func(r *payments.CheckoutRequest) { r.Order.User.Phone = "ask Budi" }), "phoneNumber")
	require.Contains(t, sent("qris", func(r *payments.CheckoutRequest) { r.Order.User.Name = "陳" }), `"paymentMethodOptions":{}`)
	require.Contains(t, sent("qris", func(r *payments.CheckoutRequest) {
		r.Order.Plan = &payments.Plan{ID: "pro", DisplayName: strings.Repeat("é", 300)}
	}), `"description":"`+strings.Repeat("é", 255)+`"`)
	require.NotContains(t, sent("qris", func(r *payments.CheckoutRequest) { r.Order.Lines = nil }), "description")
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method payments.Method
		left   time.Duration
		want   string // "" if it is refused
	}{
		{"qris", 24 * time.Hour, "2026-01-02T10:00:00+07:00"},
		{"qris", 40 * 24 * time.Hour, "2026-02-10T10:00:00+07:00"},
		{"qris", 90*time.Second + 900*time.Millisecond, "2026-01-01T10:01:30+07:00"},
		{"shopeepay", 10 * time.Minute, "2026-01-01T10:10:00+07:00"},
		{"shopeepay", time.Hour, "2026-01-01T11:00:00+07:00"},
		{"shopeepay", time.Hour + time.Second, "2026-01-01T11:00:00+07:00"},
		{"ovo", 24 * time.Hour, "2026-01-01T11:00:00+07:00"},
		{"ovo", time.Minute, "2026-01-01T10:01:00+07:00"},
		{"ovo", 59 * time.Second, ""},
		{"qris", 0, ""},
		{"cstore/alfamart", -time.Second, ""},
	} {
		ch, _ := channelBy(c.method)
		f := serve(t, answers(201, made(t, ch, "pending")))
		r := wanted(c.method)
		r.ExpiresAt = testNow.Add(c.left)
		_, err := f.Checkout(context.Background(), r)
		if c.want == "" {
			requireInvalid(t, err, "expires_at")
			require.Empty(t, f.lines())
			continue
		}
		require.NoError(t, err)
		require.Contains(t, f.last(t).body, `"expiredAt":"`+c.want+`"`)
		written := parseTime(c.want)
		require.False(t, written.After(r.ExpiresAt), "never beyond what was asked for")
	}
}

func TestCheckoutRefusesBeforeItCalls(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(500, ""))
	for name, c := range map[string]struct {
		method payments.Method
		change func(*payments.CheckoutRequest)
		fields []string
	}{
		"no method":       {"", nil, []string{"method"}},
		"unknown method":  {"dana", nil, []string{"method"}},
		"static only":     {"bank_transfer/permata", nil, []string{"method"}},
		"no ref":          {"qris", func(r *payments.CheckoutRequest) { r.Ref = "" }, []string{"ref"}},
		"a ref of blanks": {"qris", func(r *payments.CheckoutRequest) { r.Ref = "a b" }, []string{"ref"}},
		"a long ref":      {"qris", func(r *payments.CheckoutRequest) { r.Ref = strings.Repeat("a", 65) }, []string{"ref"}},
		"no amount":       {"qris", func(r *payments.CheckoutRequest) { r.Order.Amount = payments.IDR(0) }, []string{"amount"}},
		"dollars":         {"qris", func(r *payments.CheckoutRequest) { r.Order.Amount.Currency = "USD" }, []string{"amount"}},
		"no return":       {"shopeepay", func(r *payments.CheckoutRequest) { r.ReturnURL = "" }, []string{"return_url"}},
		"a script":        {"ovo", func(r *payments.CheckoutRequest) { r.ReturnURL = "javascript:alert(1)" }, []string{"return_url"}},
		"all at once": {"bank_transfer/bca", func(r *payments.CheckoutRequest) {
			r.Ref, r.Order.Amount, r.ExpiresAt = "", payments.IDR(-1), testNow
			r.Extra = []byte(`{"displayName":"TOKO!","suffixNo":"12x"}`)
		}, []string{"ref", "amount", "expires_at", "extra.displayName", "extra.suffixNo"}},
		"unknown option": {"qris", func(r *payments.CheckoutRequest) { r.Extra = []byte(`{"display":"x"}`) }, []string{"extra.display"}},
		"another type":   {"qris", func(r *payments.CheckoutRequest) { r.Extra = []byte(`{"suffixNo":1}`) }, []string{"extra.suffixNo"}},
		"no object":      {"qris", func(r *payments.CheckoutRequest) { r.Extra = []byte(`[]`) }, []string{"extra"}},
		"a long name":    {"qris", func(r *payments.CheckoutRequest) { r.Extra = []byte(`{"displayName":"123456789012345678901"}`) }, []string{"extra.displayName"}},
		"a long text": {"qris", func(r *payments.CheckoutRequest) {
			r.Extra = []byte(`{"description":"` + strings.Repeat("x", 256) + `"}`)
		}, []string{"extra.description"}},
		"no phone number":  {"ovo", func(r *payments.CheckoutRequest) { r.Extra = []byte(`{"phone":"ask Budi"}`) }, []string{"extra.phone"}},
		"a repeat, no ref": {"qris", func(r *payments.CheckoutRequest) { r.Ref, r.Repeat = "", true }, []string{"ref"}},
	} {
		r := wanted(c.method)
		if c.change != nil {
			c.change(&r)
		}
		_, err := f.Checkout(context.Background(), r)
		require.Error(t, err, name)
		requireInvalid(t, err, c.fields...)
	}
	require.Empty(t, f.lines())
}

// TestWhatComesBackIsCompared: the reference is Fazz's idempotency key, so an
// older payment may come back.
func TestWhatComesBackIsCompared(t *testing.T) {
	t.Parallel()
	va, _ := channelBy("bank_transfer/bni")
	good := paymentBody("pending")
	for name, c := range map[string]struct {
		body    string
		is      error // nil: a result
		says    string
		facts   []payments.Fact
		retried bool
	}{
		"as asked":            {good, nil, "", words["pending"], false},
		"processing":          {paymentBody("processing"), nil, "", words["processing"], false},
		"no currency":         {change(t, good, "data.attributes.currency", nil), nil, "", words["pending"], false},
		"no method told":      {change(t, good, "data.attributes.paymentMethod", nil), nil, "", words["pending"], false},
		"no bank told":        {change(t, good, "data.attributes.paymentMethod.instructions", nil), nil, "", words["pending"], false},
		"expired":             {paymentBody("expired"), nil, "", words["expired"], false},
		"cancelled":           {paymentBody("cancelled"), nil, "", words["cancelled"], false},
		"failed":              {paymentBody("failed"), nil, "", words["failed"], false},
		"unknown word":        {paymentBody("on_hold"), nil, "", nil, false},
		"paid":                {paymentBody("paid"), payments.ErrWrongState, "has been paid", nil, false},
		"completed":           {paymentBody("completed"), payments.ErrWrongState, "has been paid", nil, false},
		"another amount":      {change(t, good, "data.attributes.amount", "150001.0"), payments.ErrWrongState, "another amount or method", nil, false},
		"another currency":    {change(t, good, "data.attributes.currency", "SGD"), payments.ErrWrongState, "another amount or method", nil, false},
		"another bank":        {change(t, good, "data.attributes.paymentMethod.instructions.bankShortCode", "BCA"), payments.ErrWrongState, "another amount or method", nil, false},
		"another method":      {change(t, good, "data.attributes.paymentMethod.type", "qris"), payments.ErrWrongState, "another amount or method", nil, false},
		"an e-wallet":         {change(t, good, "data.attributes.paymentMethod.type", "e-wallet"), payments.ErrWrongState, "another amount or method", nil, false},
		"paid, another one":   {change(t, paymentBody("paid"), "data.attributes.amount", "1.0"), payments.ErrWrongState, "another amount or method", nil, false},
		"another reference":   {change(t, good, "data.attributes.referenceId", "INV-2"), payments.ErrOutcomeUnknown, "referenceId", nil, true},
		"no amount":           {change(t, good, "data.attributes.amount", nil), payments.ErrOutcomeUnknown, "amount", nil, true},
		"no id":               {change(t, good, "data.id", nil), payments.ErrOutcomeUnknown, "data.id", nil, true},
		"no payment":          {change(t, good, "data.type", "payment_links"), payments.ErrOutcomeUnknown, "data.type", nil, true},
		"a name occurs twice": {strings.Replace(good, `"amount"`, `"amount":"1.0","amount"`, 1), payments.ErrOutcomeUnknown, "occurs twice", nil, true},
	} {
		f := serve(t, answers(201, c.body))
		got, err := f.Checkout(context.Background(), wanted(va.method))
		if c.is == nil {
			require.NoError(t, err, name)
			require.Equal(t, c.facts, got.Observation.Facts, name)
			require.Equal(t, va.method, got.Observation.Method, name)
			require.Equal(t, got.Observation.Instructions != nil, strings.HasPrefix(got.Observation.RawStatus, "p"), name)
			continue
		}
		require.ErrorIs(t, err, c.is, name)
		require.ErrorContains(t, err, c.says, name)
		require.Equal(t, c.retried, requireGatewayError(t, err).Retry, name)
		require.Empty(t, got, name)
		require.Len(t, f.lines(), 1, name)
	}
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	const lookUp = "GET /api/v4/payments?filter%5BreferenceId%5D=INV-1&page%5Bnumber%5D=1&page%5Bsize%5D=100"
	const post = "POST /api/v4/payments"
	repeat := wanted("bank_transfer/bni")
	repeat.Repeat = true
	ctx := context.Background()

	f := serve(t, answers(200, listBody(t, paymentBody("pending"))))
	got, err := f.Checkout(ctx, repeat)
	require.NoError(t, err)
	require.Equal(t, "8848123456789012", got.Observation.Instructions.VANumber)
	require.Equal(t, []string{lookUp}, f.lines(), "found: nothing is made")

	f = serve(t, answers(200, listBody(t, paymentBody("completed"))))
	_, err = f.Checkout(ctx, repeat)
	require.ErrorIs(t, err, payments.ErrWrongState)

	f = serve(t, answers(200, listBody(t, change(t, paymentBody("pending"), "data.attributes.amount", "1.0"))))
	_, err = f.Checkout(ctx, repeat)
	require.ErrorIs(t, err, payments.ErrWrongState)

	f = serve(t, script(reply{200, `{"data":[]}`}, reply{201, paymentBody("pending")}))
	_, err = f.Checkout(ctx, repeat)
	require.NoError(t, err)
	require.Equal(t, []string{lookUp, post}, f.lines(), "not found: made, by the same reference")
	require.Contains(t, f.last(t).body, `"referenceId":"INV-1"`)

	// What was made in time is found though the time is up by now.
	late := repeat
	late.ExpiresAt = testNow.Add(-time.Hour)
	f = serve(t, answers(200, listBody(t, paymentBody("expired"))))
	got, err = f.Checkout(ctx, late)
	require.NoError(t, err)
	require.Equal(t, words["expired"], got.Observation.Facts)
	f = serve(t, answers(200, `{"data":[]}`))
	_, err = f.Checkout(ctx, late)
	requireInvalid(t, err, "expires_at")

	// A look-up that fails, even for good, is no answer to the checkout.
	for _, c := range []reply{{401, failure("002")}, {403, failure("003")}, {400, failure("005")}, {500, ""}, {503, failure("010")}, {200, "x"}, {429, ""}} {
		f = serve(t, answers(c.status, c.body))
		_, err = f.Checkout(ctx, repeat)
		require.ErrorIs(t, err, payments.ErrOutcomeUnknown, c.body)
		require.NotErrorIs(t, err, payments.ErrUnsupported, c.body)
		e := requireGatewayError(t, err)
		require.True(t, e.Retry)
		require.Equal(t, "checkout", e.Op)
		require.NotContains(t, f.lines(), post)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply
		code          string
		is            error
		retry, unsure bool
	}{
		"wrong key":              {reply{401, failure("002")}, CodeAccessDenied, errKey, false, false},
		"wrong key, no body":     {reply{401, ""}, "401", errKey, false, false},
		"wrong key, 403":         {reply{403, failure("002")}, CodeAccessDenied, errKey, false, false},
		"wrong key, other code":  {reply{403, failure("999")}, "999", errKey, false, false},
		"wrong key, 400":         {reply{400, failure("002")}, CodeAccessDenied, errKey, false, false},
		"firewall":               {reply{403, "<html>"}, "403", nil, true, true},
		"not enabled":            {reply{403, failure("003")}, CodeUnsupported, payments.ErrUnsupported, false, false},
		"not found":              {reply{404, failure("004")}, CodeNotFound, nil, false, false},
		"no such page":           {reply{404, "<html>"}, "404", nil, true, true},
		"invalid":                {reply{400, failure("005")}, CodeInvalid, nil, false, false},
		"invalid, 422":           {reply{422, failure("005")}, CodeInvalid, nil, false, false},
		"amount":                 {reply{400, failure("TXN0002")}, CodeAmountOutOfRange, nil, false, false},
		"amount, 422":            {reply{422, failure("txn0002")}, CodeAmountOutOfRange, nil, false, false},
		"ceiling, 403":           {reply{403, failure("TXN0003")}, CodeTransactionCeiling, nil, false, false},
		"another code":           {reply{400, failure("NM-001")}, "NM-001", nil, false, false},
		"no code":                {reply{400, `{"errors":[{"title":"Bad"}]}`}, "400", nil, false, false},
		"used reference":         {reply{409, failure("005")}, CodeInvalid, payments.ErrWrongState, false, false},
		"unavailable":            {reply{503, failure("010")}, CodeUnavailable, nil, true, false},
		"unavailable, 400":       {reply{400, failure("010")}, CodeUnavailable, nil, true, false},
		"too often":              {reply{429, ""}, "429", nil, true, false},
		"too often, with a code": {reply{429, failure("005")}, CodeInvalid, nil, true, false},
		"unknown error":          {reply{400, failure("000")}, CodeUnknown, nil, true, true},
		"internal error":         {reply{500, failure("001")}, CodeInternal, nil, true, true},
		"unknown error of 006":   {reply{400, failure("006")}, CodeUnknownOther, nil, true, true},
		"5xx":                    {reply{502, "<html>"}, "502", nil, true, true},
		"5xx with a code":        {reply{500, failure("005")}, CodeInvalid, nil, true, true},
		"not JSON":               {reply{200, "ok"}, "200", nil, true, true},
		"not JSON, 400":          {reply{400, "bad"}, "400", nil, true, true},
		"empty":                  {reply{201, ""}, "201", nil, true, true},
		"no data":                {reply{201, "{}"}, "201", nil, true, true},
		"both":                   {reply{200, `{"data":{},"errors":[{"code":"999"}]}`}, "999", nil, true, true},
		"redirect":               {reply{302, ""}, "302", nil, true, true},
	} {
		f := serve(t, answers(c.status, c.body))
		_, err := f.Checkout(context.Background(), wanted("qris"))
		e := requireGatewayError(t, err)
		require.Equal(t, c.code, e.Code, name)
		require.Equal(t, c.status, e.HTTPStatus, name)
		require.Equal(t, c.retry, e.Retry, name)
		require.Equal(t, "checkout", e.Op)
		if c.is != nil {
			require.ErrorIs(t, err, c.is, name)
		}
		for _, sentinel := range []error{payments.ErrNotFound, payments.ErrWrongState, payments.ErrUnsupported} {
			if c.is != sentinel {
				require.NotErrorIs(t, err, sentinel, name)
			}
		}
		if c.unsure {
			require.ErrorIs(t, err, payments.ErrOutcomeUnknown, name)
		} else {
			require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, name)
		}
		if c.code == CodeUnavailable {
			require.Equal(t, 10*time.Minute, e.RetryAfter)
		}
		require.Len(t, f.lines(), 1, "%s: what changes something is sent once", name)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	f := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(429)
		_, _ = w.Write([]byte(`{"errors":[{"code":"005","title":"Invalid","detail":"x ` + testKey + ` is bad","source":{"pointer":"/data/attributes/amount"}},
			{"code":"005","title":"More"},"odd",{}]}`))
	})
	_, err := f.Checkout(context.Background(), wanted("qris"))
	e := requireGatewayError(t, err)
	require.Equal(t, "Invalid: x [removed] is bad: /data/attributes/amount; More;", e.Message)
	require.Equal(t, 90*time.Second, e.RetryAfter)

	f = serve(t, answers(401, ""))
	_, err = f.Checkout(context.Background(), wanted("qris"))
	require.ErrorContains(t, err, "Config.Production")
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	f := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := f.Checkout(context.Background(), wanted("qris"))
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	require.True(t, requireGatewayError(t, err).Retry)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = f.Checkout(ctx, wanted("qris"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, "nothing was sent")
}
