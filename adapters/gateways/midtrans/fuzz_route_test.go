package midtrans_test

import (
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
)

// FuzzNotificationRoute sends bytes to the route, as they are, and once more
// as the notification of an order that waits for its payer, signed, should it
// be one: nobody who has the gateway's signature, but not its word, moves
// anything.
func FuzzNotificationRoute(f *testing.F) {
	for _, pattern := range []string{"testdata/*.json", "testdata/recurring/*.json"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		require.NotEmpty(f, files)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(body)
		}
	}
	for _, s := range []string{``, `null`, `[]`, `{}`, `{"order_id":{}}`, `{"transaction_id":1,"transaction_status":2,"status_code":3,"gross_amount":4}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newMugShopBy(t, midtranstest.New) // without a socket
		p := s.buy()
		require.NoError(t, s.sim.Choose(string(p.ID), midtranstest.By("bca_va")))
		order, _ := s.sim.Order(string(p.ID))
		answered(t, s, body, nil)

		var fields map[string]any
		if json.Unmarshal(body, &fields) == nil && fields != nil {
			for _, transaction := range []string{order.Transactions[0].ID, "another"} {
				fields["order_id"], fields["transaction_id"] = string(p.ID), transaction
				answered(t, s, signAnew(t, s, fields), fields)
			}
		}
		p, err := s.pay.Get(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, payments.StatusPending, p.Status, "the gateway says pending")
		require.Zero(t, p.Totals.In.Amount)
		require.Empty(t, s.settled)
	})
}

// signAnew puts the signature of its own fields on a body.
func signAnew(t *testing.T, s *mugShop, fields map[string]any) []byte {
	t.Helper()
	code, _ := fields["status_code"].(string)
	amount, _ := fields["gross_amount"].(string)
	sum := sha512.Sum512([]byte(fmt.Sprint(fields["order_id"], code, amount, s.sim.Config().ServerKey)))
	fields["signature_key"] = fmt.Sprintf("%x", sum)
	signed, err := json.Marshal(fields)
	require.NoError(t, err)
	return signed
}

// answered posts a body: the answer is one of the few that there are, and
// repeats nothing of it.
func answered(t *testing.T, s *mugShop, body []byte, fields map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/pay/notifications/midtrans", strings.NewReader(string(body))))
	require.Contains(t, []int{
		http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable,
	}, w.Code)
	require.Less(t, w.Body.Len(), 200)
	if signature, _ := fields["signature_key"].(string); signature != "" {
		require.NotContains(t, w.Body.String(), signature)
		for m, err := range s.pay.Messages(t.Context(), payments.MessageQuery{}) {
			require.NoError(t, err)
			require.NotContains(t, string(m.Raw), signature, "nor is it kept")
		}
	}
}
