package midtranstest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
)

// oddities are values that do not belong where they are put.
var oddities = []string{
	`null`, `true`, `""`, `"x"`, `0`, `-1`, `1`, `7`, `30000`, `1.5`, `1e3`, `1e300`, `9223372036854775807`, `-9223372036854775808`,
	`99999999999999999999`, `[]`, `[null]`, `["bca"]`, `{}`, `{"a":[{}]}`, `"9999-12-31 23:59:59 -0700"`, `"0000-01-01 00:00:00 +0700"`,
	`"48111111-1114"`, `"day"`, `"authorize"`, `"\u0000"`, `"😀"`, `"../../x?y#z"`,
}

// disturb puts odd values into a decoded body, at random.
func disturb(r *rand.Rand, value any) any {
	if r.IntN(25) == 0 {
		return json.RawMessage(oddities[r.IntN(len(oddities))])
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range object(value).keys() { // in an order that repeats
			if value[key] = disturb(r, value[key]); r.IntN(50) == 0 {
				delete(value, key)
			}
		}
	case []any:
		for i := range value {
			value[i] = disturb(r, value[i])
		}
	}
	return value
}

// Whatever a body holds, it is answered, saved, shown and never a failure of
// the simulator's own.
func TestRandomBodies(t *testing.T) {
	t.Parallel()
	b := newBench(t, midtranstest.WithStateFile(filepath.Join(t.TempDir(), "midtrans.json")))
	saved := b.charge("saved", byCard(b.token(goodCard), `"save_token_id":true`), "200").text("saved_token_id")
	r := rand.New(rand.NewPCG(4, 8))
	const extras = `,"custom_expiry":{"order_time":"2026-05-06 10:00:00 +0700","expiry_duration":5,"unit":"hour"},"metadata":{"a":1},` +
		`"custom_field1":"x","gopay":{"callback_url":"https://shop.example/"},"callbacks":{"finish":"https://shop.example/"},"expiry":{"unit":"day","duration":1}`
	hows := []string{
		byCard(saved, `"save_token_id":true`, `"type":"authorize"`, `"installment_term":3`, `"bins":["4811"]`, `"point_redeem_amount":5`, `"bank":"bca"`),
		`"payment_type":"bank_transfer","bank_transfer":{"bank":"bca","va_number":"123456"}`,
		`"payment_type":"echannel","echannel":{"bill_info1":"x","bill_info2":"y","bill_key":"123456"}`,
	}
	for _, name := range []string{"gopay", "other_qris", "ovo", "indomaret", "akulaku", "kredivo", "dana", "bca_klikbca", "uob_ezpay", "permata_va"} {
		hows = append(hows, charged[name].how)
	}
	codes := map[string]int{}
	post := func(path string, body any) {
		raw, err := json.Marshal(disturb(r, body))
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL+path, strings.NewReader(string(raw)))
		require.NoError(t, err)
		req.SetBasicAuth(serverKey, "")
		resp, err := b.Client().Do(req)
		require.NoError(t, err, "%s %s", path, raw)
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		var got object
		require.NoError(t, json.Unmarshal(answer, &got), "%s %s: %s", path, raw, answer)
		require.Less(t, resp.StatusCode, 500, "%s %s: %s", path, raw, answer)
		codes[got.text("status_code")]++
	}
	for i := range 250 {
		id := fmt.Sprint("order-", r.IntN(80))
		var body map[string]any
		require.NoError(t, json.Unmarshal([]byte(chargeBody(id, hows[i%len(hows)]+extras)), &body))
		post("/v2/charge", body)
		post("/v2/capture", map[string]any{"transaction_id": id, "gross_amount": r.IntN(40_000)})
		if o, ok := b.Order(id); ok && r.IntN(2) == 0 {
			_ = b.Pay(id) // most are paid or over
			post("/v2/"+o.Transactions[0].ID+"/refund", map[string]any{"refund_key": fmt.Sprint("k-", i), "amount": r.IntN(20_000), "reason": "x"})
			status, html := b.visit(b.URL+"/snap/v4/redirection/"+o.Pages[0].Token, nil)
			require.Less(t, status, 500, html)
		}
	}
	for _, code := range []string{"200", "201", "400", "404", "406", "412", "413", "414"} {
		require.NotZero(t, codes[code], "answers with %s: the bodies are not odd enough, or too odd: %v", code, codes)
	}
	b.delivered()
	status, html := b.visit(b.URL+"/", nil)
	require.Equal(t, http.StatusOK, status, html)
}
