package fazz

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

var byID = payments.AttemptRef{Ref: "INV-1", TransactionID: contract, Method: "bank_transfer/bni"}

func TestStatus(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for word, want := range words {
		f := serve(t, answers(200, paymentBody(word)))
		o, err := f.Status(ctx, byID)
		require.NoError(t, err, word)
		require.Equal(t, want, o.Facts, word)
		require.Equal(t, []string{"GET /api/v4/payments/" + contract}, f.lines())
		require.Equal(t, "INV-1", o.Ref)
		require.Equal(t, contract, o.TransactionID)
		require.Equal(t, want[0].Kind == payments.FactPending, o.Instructions != nil, word)
		require.JSONEq(t, paymentBody(word), string(o.Raw))
		n, err := observe(t, paymentBody(word))
		require.NoError(t, err)
		o.Instructions, o.Raw = nil, n.Raw
		require.Equal(t, n.Observation, o, "an answer tells what a callback tells")
	}
	f := serve(t, answers(200, change(t, paymentBody("pending"), "data.id", "a/b?c")))
	_, err := f.Status(ctx, payments.AttemptRef{TransactionID: "a/b?c"})
	require.NoError(t, err)
	require.Equal(t, []string{"GET /api/v4/payments/a%2Fb%3Fc"}, f.lines())

	for _, a := range []payments.AttemptRef{{}, {TransactionID: ".."}, {TransactionID: "a b"}, {Ref: " "}, {Ref: "a\nb"}} {
		_, err := f.Status(ctx, a)
		var invalid *payments.InvalidError
		require.ErrorAs(t, err, &invalid)
	}
	require.Len(t, f.lines(), 1)
}

// TestStatusOfAnEWallet: Fazz does not tell whose it is; the caller knows.
func TestStatusOfAnEWallet(t *testing.T) {
	t.Parallel()
	ovo, _ := channelBy("ovo")
	f := serve(t, answers(200, made(t, ovo, "pending")))
	for asked, want := range map[payments.Method]payments.Method{"ovo": "ovo", "shopeepay": "shopeepay", "": "", "qris": "", "bca_va": ""} {
		o, err := f.Status(context.Background(), payments.AttemptRef{TransactionID: contract, Method: asked})
		require.NoError(t, err)
		require.Equal(t, want, o.Method, asked)
		require.Equal(t, want, o.Instructions.Method)
		require.Equal(t, payments.KindRedirect, o.Instructions.Kind)
		require.Equal(t, "https://wallet.example/pay", o.Instructions.RedirectURL)
	}
	f = serve(t, answers(200, change(t, made(t, ovo, "pending"), "data.attributes.paymentMethod.settlement.httpUrl", "javascript:alert(1)")))
	o, err := f.Status(context.Background(), payments.AttemptRef{TransactionID: contract})
	require.NoError(t, err)
	require.Empty(t, o.Instructions.RedirectURL)
	f = serve(t, answers(200, change(t, paymentBody("pending"), "data.attributes.paymentMethod.type", "paynow")))
	o, err = f.Status(context.Background(), payments.AttemptRef{TransactionID: contract, Method: "ovo"})
	require.NoError(t, err)
	require.Equal(t, payments.Method("paynow"), o.Method)
	require.Equal(t, payments.KindRedirect, o.Instructions.Kind)
}

func TestStatusFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply
		is    error
		retry bool
		calls int
	}{
		"no payment":          {reply{404, failure("004")}, payments.ErrNotFound, false, 1},
		"no payment, 400":     {reply{400, failure("004")}, payments.ErrNotFound, false, 1},
		"no payment, no code": {reply{404, `{"status":404}`}, payments.ErrNotFound, false, 1},
		"a page of nobody's":  {reply{404, `<html>`}, errForm, true, 1},
		"wrong key":           {reply{401, failure("002")}, errKey, false, 1},
		"not enabled":         {reply{403, failure("003")}, payments.ErrUnsupported, false, 1},
		"trouble":             {reply{500, failure("001")}, nil, true, 3},
		"unknown error":       {reply{400, failure("000")}, nil, true, 3},
		"unavailable":         {reply{503, failure("010")}, nil, true, 1},
		"too often":           {reply{429, ""}, nil, true, 3},
		"not JSON":            {reply{200, "x"}, errForm, true, 1},
		"a list":              {reply{200, `{"data":[]}`}, errNotPayment, true, 1},
		"null":                {reply{200, `{"data":null}`}, errNotPayment, true, 1},
		"another type":        {reply{200, change(t, paymentBody("paid"), "data.type", "disbursement")}, errNotPayment, true, 1},
		"another payment":     {reply{200, change(t, paymentBody("paid"), "data.id", "contract_1")}, errID, true, 1},
		"no status":           {reply{200, change(t, paymentBody("paid"), "data.attributes.status", nil)}, errNoStatus, true, 1},
		"a fraction":          {reply{200, change(t, paymentBody("paid"), "data.attributes.amount", "1.5")}, errAmount, true, 1},
	} {
		f := serve(t, answers(c.status, c.body))
		o, err := f.Status(context.Background(), byID)
		e := requireGatewayError(t, err)
		require.Equal(t, "status", e.Op)
		require.Equal(t, c.retry, e.Retry, name)
		require.Len(t, f.lines(), c.calls, name)
		require.Len(t, f.pauses, c.calls-1, name)
		require.NotErrorIs(t, err, payments.ErrOutcomeUnknown, name)
		require.Empty(t, o, name)
		if c.is != nil {
			require.ErrorIs(t, err, c.is, name)
		}
		if c.is != payments.ErrNotFound {
			require.NotErrorIs(t, err, payments.ErrNotFound, name)
		}
	}
}

func TestStatusByReference(t *testing.T) {
	t.Parallel()
	ctx, byRef := context.Background(), payments.AttemptRef{Ref: "INV-1", Method: "bank_transfer/bni"}
	at := func(id, created, word string) string {
		return change(t, change(t, paymentBody(word), "data.id", id), "data.attributes.createdAt", created)
	}
	other := func(ref string) string { return change(t, paymentBody("paid"), "data.attributes.referenceId", ref) }
	for name, c := range map[string]struct {
		body string
		want string // id; empty: not found
	}{
		"one":                       {listBody(t, paymentBody("paid")), contract},
		"none":                      {listBody(t), ""},
		"other references only":     {listBody(t, other("INV-10"), other("inv-1"), other("INV-1 ")), ""},
		"behind others":             {listBody(t, other("INV-10"), paymentBody("paid")), contract},
		"the newest, first":         {listBody(t, at("b", "2026-01-01T11:00:00+07:00", "pending"), at("a", "2026-01-01T10:00:00+07:00", "expired")), "b"},
		"the newest, last":          {listBody(t, at("a", "2026-01-01T10:00:00+07:00", "expired"), at("b", "2026-01-01T03:30:00Z", "pending")), "b"},
		"of the same time":          {listBody(t, at("a", "2026-01-01T10:00:00+07:00", "expired"), at("b", "2026-01-01T03:00:00Z", "pending")), "a"},
		"without times":             {listBody(t, at("a", "", "expired"), at("b", "", "pending")), "a"},
		"unreadable ones of others": {listBody(t, change(t, other("INV-2"), "data.attributes.amount", "1.5"), paymentBody("paid")), contract},
	} {
		f := serve(t, answers(200, c.body))
		o, err := f.Status(ctx, byRef)
		require.Equal(t, []string{"GET /api/v4/payments?filter%5BreferenceId%5D=INV-1&page%5Bnumber%5D=1&page%5Bsize%5D=100"}, f.lines())
		if c.want == "" {
			require.ErrorIs(t, err, payments.ErrNotFound, name)
			require.False(t, requireGatewayError(t, err).Retry)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, o.TransactionID, name)
		again, err := f.ReadNotification(payments.RawNotification{Body: o.Raw, Verified: true})
		require.NoError(t, err, "what is kept looks like an answer for it alone")
		require.Equal(t, o.Facts, again.Facts)
	}

	for name, body := range map[string]string{
		"full of others":    listBody(t, slices.Repeat([]string{other("INV-2")}, findSize)...),
		"one unreadable":    listBody(t, change(t, paymentBody("paid"), "data.attributes.amount", "1.5")),
		"no list":           paymentBody("paid"),
		"a list of numbers": `{"data":[1]}`,
		"a name twice":      strings.Replace(listBody(t, paymentBody("paid")), `"amount"`, `"amount":"1.0","amount"`, 1),
	} {
		_, err := serve(t, answers(200, body)).Status(ctx, byRef)
		require.True(t, requireGatewayError(t, err).Retry, name)
		require.NotErrorIs(t, err, payments.ErrNotFound, name)
	}
}
