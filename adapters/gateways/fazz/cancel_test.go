package fazz

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

const (
	taskDone  = `{"data":{"type":"payment_task","attributes":{"targetId":"` + contract + `","targetType":"payment","action":"cancel"}}}`
	taskLine  = "POST /api/v4/payments/" + contract + "/tasks"
	askLine   = "GET /api/v4/payments/" + contract
	askByLine = "GET /api/v4/payments?filter%5BreferenceId%5D=INV-1&page%5Bnumber%5D=1&page%5Bsize%5D=100"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	pending := reply{200, paymentBody("pending")}
	refused := reply{400, failure("005")}
	list := func(bodies ...string) reply { return reply{200, listBody(t, bodies...)} }
	qris, _ := channelBy("qris")
	ovo, _ := channelBy("ovo")
	byRef := payments.AttemptRef{Ref: "INV-1", Method: "bni_va"}
	noMethod := payments.AttemptRef{Ref: "INV-1", TransactionID: contract}
	for name, c := range map[string]struct {
		attempt payments.AttemptRef
		replies []reply
		is      error
		code    string
		calls   []string
	}{
		"done":                       {byID, []reply{{201, taskDone}}, nil, "", []string{taskLine}},
		"done, 200":                  {byID, []reply{{200, taskDone}}, nil, "", []string{taskLine}},
		"by its reference":           {byRef, []reply{list(paymentBody("pending")), {201, taskDone}}, nil, "", []string{askByLine, taskLine}},
		"nothing of this reference":  {byRef, []reply{list()}, payments.ErrNotFound, "", []string{askByLine}},
		"method not known":           {noMethod, []reply{pending, {201, taskDone}}, nil, "", []string{askLine, taskLine}},
		"method unheard of":          {payments.AttemptRef{TransactionID: contract, Method: "x"}, []reply{pending, {201, taskDone}}, nil, "", []string{askLine, taskLine}},
		"it turns out to be QRIS":    {noMethod, []reply{{200, made(t, qris, "pending")}}, payments.ErrUnsupported, "", []string{askLine}},
		"it turns out to be OVO":     {noMethod, []reply{{200, made(t, ovo, "pending")}}, payments.ErrUnsupported, "", []string{askLine}},
		"already, by its reference":  {byRef, []reply{list(paymentBody("cancelled"))}, nil, "", []string{askByLine}},
		"paid, by its reference":     {byRef, []reply{list(paymentBody("paid"))}, payments.ErrWrongState, "", []string{askByLine}},
		"money on its way":           {byRef, []reply{list(paymentBody("processing"))}, payments.ErrWrongState, "", []string{askByLine}},
		"nothing of this id":         {noMethod, []reply{{404, failure("004")}}, payments.ErrNotFound, "004", []string{askLine}},
		"refused, still pending":     {byID, []reply{refused, pending}, nil, "005", []string{taskLine, askLine}},
		"refused, canceled already":  {byID, []reply{refused, {200, paymentBody("cancelled")}}, nil, "", []string{taskLine, askLine}},
		"refused, processing":        {byID, []reply{refused, {200, paymentBody("processing")}}, payments.ErrWrongState, "005", []string{taskLine, askLine}},
		"refused, paid":              {byID, []reply{refused, {200, paymentBody("paid")}}, payments.ErrWrongState, "005", []string{taskLine, askLine}},
		"refused, expired":           {byID, []reply{{403, failure("003")}, {200, paymentBody("expired")}}, payments.ErrWrongState, "003", []string{taskLine, askLine}},
		"refused, nothing there":     {byID, []reply{{404, failure("004")}, {404, failure("004")}}, payments.ErrNotFound, "004", []string{taskLine, askLine}},
		"refused, cannot be asked":   {byID, []reply{refused, {401, failure("002")}}, nil, "005", []string{taskLine, askLine}},
		"not enabled, still pending": {byID, []reply{{403, failure("003")}, pending}, payments.ErrUnsupported, "003", []string{taskLine, askLine}},
		"trouble":                    {byID, []reply{{500, failure("001")}}, payments.ErrOutcomeUnknown, "001", []string{taskLine}},
		"unavailable":                {byID, []reply{{503, failure("010")}}, nil, "010", []string{taskLine}},
		"not JSON":                   {byID, []reply{{200, "ok"}}, payments.ErrOutcomeUnknown, "200", []string{taskLine}},
	} {
		f := serve(t, script(c.replies...))
		err := f.Cancel(context.Background(), c.attempt)
		require.Equal(t, c.calls, f.lines(), name)
		if last := f.last(t); last.Method == http.MethodPost {
			require.Equal(t, `{"data":{"attributes":{"action":"cancel"}}}`, last.body)
		}
		if c.is == nil && c.code == "" {
			require.NoError(t, err, name)
			continue
		}
		require.Error(t, err, name)
		e := requireGatewayError(t, err)
		require.Equal(t, "cancel", e.Op)
		require.Equal(t, c.code, e.Code, name)
		for _, sentinel := range []error{payments.ErrNotFound, payments.ErrWrongState, payments.ErrUnsupported, payments.ErrOutcomeUnknown} {
			require.Equal(t, c.is == sentinel, errorIs(err, sentinel), "%s: %v", name, sentinel)
		}
	}
}

func TestCancelIsForVirtualAccounts(t *testing.T) {
	t.Parallel()
	f := serve(t, answers(500, ""))
	for _, method := range []payments.Method{"qris", "other_qris", "ovo", "shopeepay", "cstore/alfamart", "indomaret"} {
		err := f.Cancel(context.Background(), payments.AttemptRef{Ref: "INV-1", TransactionID: contract, Method: method})
		require.ErrorIs(t, err, payments.ErrUnsupported)
		_ = requireGatewayError(t, err)
	}
	var invalid *payments.InvalidError
	require.ErrorAs(t, f.Cancel(context.Background(), payments.AttemptRef{}), &invalid)
	require.ErrorAs(t, f.Cancel(context.Background(), payments.AttemptRef{TransactionID: "..", Method: "bca_va"}), &invalid)
	require.Empty(t, f.lines())
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	g := payments.Gateway(New(testConfig()))
	_, refunds := payments.As[payments.Refunder](g)
	_, expires := payments.As[payments.Expirer](g)
	_, captures := payments.As[payments.Capturer](g)
	_, links := payments.As[payments.Linker](g)
	require.False(t, refunds || expires || captures || links)
}
