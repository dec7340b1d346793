package midtrans

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// TestWords goes through every row of the table, for both sources.
func TestWords(t *testing.T) {
	t.Parallel()
	var (
		paid     = facts(payments.FactPaid, payments.FactFunds)
		captured = facts(payments.FactCaptured, payments.FactPaid)
		review   = facts(payments.FactCaptureChallenged)
	)
	for _, row := range []struct {
		word, fraud, code string
		want              []payments.Fact
		raw               string
		attention         bool
	}{
		{"pending", "accept", "201", facts(payments.FactPending), "pending/accept", false},
		{"pending", "", "201", facts(payments.FactPending), "pending", false},
		{"pending", "challenge", "201", facts(payments.FactPending), "pending/challenge", false},
		{"PENDING", "accept", "200", facts(payments.FactPending), "pending/accept", false},
		{"authorize", "challenge", "201", facts(payments.FactAuthChallenged), "authorize/challenge", false},
		{"authorize", "accept", "200", facts(payments.FactAuthorized), "authorize/accept", false},
		{"authorize", "", "200", facts(payments.FactAuthorized), "authorize", false},
		{"authorize", "deny", "202", nil, "authorize/deny", true},
		{"capture", "challenge", "201", review, "capture/challenge", false},
		{"accept", "challenge", "201", review, "accept/challenge", false},
		{"expire", "accept", "407", facts(payments.FactExpired), "expire/accept", false},
		{"expired", "", "202", facts(payments.FactExpired), "expired", false},
		{"failure", "accept", "202", facts(payments.FactFailed), "failure/accept", false},
		{"cancel", "deny", "202", facts(payments.FactCanceled), "cancel/deny", false},
		{"deny", "accept", "202", facts(payments.FactDenied), "deny/accept", false},
		{"deny", "deny", "202", facts(payments.FactDenied), "deny/deny", false},
		{"deny", "", "202", facts(payments.FactDenied), "deny", false},
		{"accept", "deny", "202", facts(payments.FactDenied), "accept/deny", false},
		{"capture", "deny", "202", facts(payments.FactDenied), "capture/deny", false},
		{"capture", "accept", "200", captured, "capture/accept", false},
		{"capture", "accept", "201", captured, "capture/accept", false},
		{"capture", "", "200", captured, "capture (200)", false},
		{"capture", "", "201", review, "capture (201)", false},
		{"capture", "", "202", nil, "capture (202)", true},
		{"capture", "maybe", "200", nil, "capture/maybe", true},
		{"accept", "accept", "200", nil, "accept/accept", true},
		{"accept", "", "200", nil, "accept", true},
		{"settlement", "accept", "200", paid, "settlement/accept", false},
		{"settlement", "", "200", paid, "settlement", false},
		{"settlement", "challenge", "201", paid, "settlement/challenge", true},
		{"settlement", "deny", "202", paid, "settlement/deny", true},
		{"settlement", "maybe", "200", nil, "settlement/maybe", true},
		{"partial_chargeback", "accept", "200", facts(payments.FactPartialChargeback), "partial_chargeback/accept", false},
		{"chargeback", "accept", "200", facts(payments.FactChargeback), "chargeback/accept", false},
		{"on_hold", "accept", "200", nil, "on_hold/accept", true},
		{"settlement2", "", "200", nil, "settlement2", true},
	} {
		for _, lookUp := range []bool{false, true} {
			body := settlement()
			body["transaction_status"], body["fraud_status"], body["status_code"] = row.word, row.fraud, row.code
			if row.fraud == "" {
				delete(body, "fraud_status")
			}
			o, err := observe(objectOf(t, body), lookUp)
			require.NoError(t, err)
			name := row.word + "/" + row.fraud + "/" + row.code
			require.Equal(t, row.want, o.Facts, name)
			require.Equal(t, row.raw, o.RawStatus, name)
			require.Equal(t, row.attention, o.Attention, name)
		}
	}
}

func objectOf(t *testing.T, body map[string]any) object {
	t.Helper()
	data, err := json.Marshal(body)
	require.NoError(t, err)
	o, err := gatewaykit.ReadBody(data)
	require.NoError(t, err)
	return o
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	refund := func(key, id string, amount int64) payments.Fact {
		return payments.Fact{Kind: payments.FactRefund, Key: key, ID: id, Amount: payments.IDR(amount)}
	}
	total := func(amount int64) payments.Fact {
		return payments.Fact{Kind: payments.FactRefundTotal, Amount: payments.IDR(amount)}
	}
	for name, c := range map[string]struct {
		word      string
		more      string
		want      []payments.Fact // behind the word's own
		onlyAsked []payments.Fact // and in a look-up, also
		attention bool
		asked     bool // attention in a look-up
	}{
		"partial, nothing known":   {word: "partial_refund", onlyAsked: facts(payments.FactRefundUnknown), asked: true},
		"partial, zero total":      {word: "partial_refund", more: `"refund_amount":"0.00"`, onlyAsked: facts(payments.FactRefundUnknown), asked: true},
		"partial, null list":       {word: "partial_refund", more: `"refunds":null,"refund_amount":"5000.00"`, want: []payments.Fact{total(5000)}},
		"partial, total":           {word: "partial_refund", more: `"refund_amount":"5000.00"`, want: []payments.Fact{total(5000)}},
		"partial, number":          {word: "partial_refund", more: `"refund_amount":5000`, want: []payments.Fact{total(5000)}},
		"full, nothing known":      {word: "refund"},
		"full":                     {word: "refund", more: `"refund_amount":"100000.00"`, want: []payments.Fact{total(100_000)}},
		"full, but less":           {word: "refund", more: `"refund_amount":"12000.00"`, want: []payments.Fact{total(12_000)}, attention: true, asked: true},
		"listed, no total":         {word: "partial_refund", more: `"refunds":[{"refund_key":"k","refund_amount":"5000.00"}]`, want: []payments.Fact{refund("k", "", 5000)}},
		"id only":                  {word: "partial_refund", more: `"refunds":[{"refund_chargeback_id":9223372036854775807,"refund_amount":5000}]`, want: []payments.Fact{refund("", "9223372036854775807", 5000)}},
		"uuid only":                {word: "partial_refund", more: `"refunds":[{"refund_chargeback_uuid":"u-1","refund_amount":"5000"}]`, want: []payments.Fact{refund("", "u-1", 5000)}},
		"listed more than total":   {word: "partial_refund", more: `"refund_amount":"4000.00","refunds":[{"refund_key":"k","refund_amount":"5000.00"}]`, want: []payments.Fact{refund("k", "", 5000), total(4000)}, attention: true, asked: true},
		"listed less than total":   {word: "partial_refund", more: `"refund_amount":"6000.00","refunds":[{"refund_key":"k","refund_amount":"5000.00"}]`, want: []payments.Fact{refund("k", "", 5000), total(6000)}, attention: true, asked: true},
		"entry without amount":     {word: "partial_refund", more: `"refunds":[{"refund_key":"k"}]`, onlyAsked: facts(payments.FactRefundUnknown), attention: true, asked: true},
		"entry without a name":     {word: "partial_refund", more: `"refund_amount":"5000.00","refunds":[{"refund_amount":"5000.00"}]`, want: []payments.Fact{total(5000)}, attention: true, asked: true},
		"for a virtual account":    {word: "refund", more: `"payment_type":"bank_transfer"`, attention: true, asked: true},
		"refund fields, no refund": {word: "chargeback", more: `"refund_amount":"5000.00","refunds":[{"refund_key":"k","refund_amount":"5000.00"}]`},
	} {
		for _, lookUp := range []bool{false, true} {
			body := settlement()
			body["transaction_status"] = c.word
			more := map[string]json.RawMessage{}
			require.NoError(t, json.Unmarshal([]byte("{"+c.more+"}"), &more), name)
			for k, v := range more {
				body[k] = v
			}
			o, err := observe(objectOf(t, body), lookUp)
			require.NoError(t, err, name)
			want := append(facts(map[string]payments.FactKind{
				"refund": payments.FactRefunded, "partial_refund": payments.FactPartlyRefunded, "chargeback": payments.FactChargeback,
			}[c.word]), c.want...)
			attention := c.attention
			if lookUp {
				want, attention = append(want, c.onlyAsked...), c.asked
			}
			require.Equal(t, want, o.Facts, "%s, look-up %v", name, lookUp)
			require.Equal(t, attention, o.Attention, "%s, look-up %v", name, lookUp)
		}
	}
}

func TestUnreadableRefunds(t *testing.T) {
	t.Parallel()
	for _, more := range []map[string]any{
		{"refund_amount": "1.50"}, {"refund_amount": "-5"}, {"refund_amount": true}, {"refunds": "x"}, {"refunds": []any{1}},
		{"refunds": []any{map[string]any{"refund_key": "k", "refund_amount": "1e3"}}},
		{"refunds": []any{
			map[string]any{"refund_key": "a", "refund_amount": "9223372036854775807"},
			map[string]any{"refund_key": "b", "refund_amount": "1"},
		}},
	} {
		body := settlement()
		body["transaction_status"] = "refund"
		for k, v := range more {
			body[k] = v
		}
		_, err := observe(objectOf(t, body), true)
		require.Error(t, err, "%v", more)
	}
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	info := func(kv ...string) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return map[string]any{"extra_info": map[string]any{"gross_amount_info": m}}
	}
	for name, c := range map[string]struct {
		gross, currency, metadata any
		want                      payments.Money
		fee                       int64
		odd                       bool
	}{
		"usual":                {gross: "100000.00", currency: "IDR", want: payments.IDR(100_000)},
		"one decimal":          {gross: "100000.0", currency: "IDR", want: payments.IDR(100_000)},
		"number":               {gross: json.Number("100000"), currency: "IDR", want: payments.IDR(100_000)},
		"number with decimals": {gross: json.Number("100000.00"), currency: "IDR", want: payments.IDR(100_000)},
		"no currency":          {gross: "100000.00", want: payments.IDR(100_000)},
		"lower case":           {gross: "100000.00", currency: " idr", want: payments.IDR(100_000)},
		"dollars":              {gross: "100000.00", currency: "USD", want: payments.Money{Amount: 10_000_000, Currency: "USD"}},
		"fee":                  {gross: "104000.00", metadata: info("original_amount", "100000.00", "gross_amount", "104000.00", feeName, "4000.00"), want: payments.IDR(100_000), fee: 4000},
		"fee, not itself told": {gross: "104000.00", metadata: info("original_amount", "100000.00"), want: payments.IDR(100_000), fee: 4000},
		"original is more":     {gross: "104000.00", metadata: info("original_amount", "200000.00"), want: payments.IDR(104_000), odd: true},
		"does not add up":      {gross: "104000.00", metadata: info("original_amount", "100000.00", feeName, "1.00"), want: payments.IDR(104_000), odd: true},
		"of another amount":    {gross: "104000.00", metadata: info("original_amount", "100000.00", "gross_amount", "105000.00"), want: payments.IDR(104_000), odd: true},
		"original unreadable":  {gross: "104000.00", metadata: info("original_amount", "many"), want: payments.IDR(104_000), odd: true},
		"metadata is a text":   {gross: "104000.00", metadata: "x", want: payments.IDR(104_000)},
	} {
		body := settlement()
		body["gross_amount"], body["currency"], body["metadata"] = c.gross, c.currency, c.metadata
		o, err := observe(objectOf(t, body), false)
		require.NoError(t, err, name)
		require.Equal(t, c.want, o.Amount, name)
		require.Equal(t, c.odd, o.Attention, name)
		want := facts(payments.FactPaid, payments.FactFunds)
		if c.fee > 0 {
			want = append(want, payments.Fact{Kind: payments.FactFee, Amount: payments.IDR(c.fee), Text: feeName})
		}
		require.Equal(t, want, o.Facts, name)
	}
	for _, gross := range []any{"", nil, true, "1.50", "-1", "1e5", "Rp1000", "99999999999999999999", json.Number("1e5"), []any{}, map[string]any{}} {
		body := settlement()
		body["gross_amount"] = gross
		_, err := observe(objectOf(t, body), false)
		require.Error(t, err, "%v", gross)
	}
	body := settlement()
	body["currency"] = "XYZ"
	_, err := observe(objectOf(t, body), false)
	require.Error(t, err)
}

func TestMethods(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want payments.Method
		rev  bool
	}{
		"permata as a type":      {`{"payment_type":"permata"}`, "bank_transfer/permata", true},
		"permata by its number":  {`{"payment_type":"bank_transfer","permata_va_number":"8"}`, "bank_transfer/permata", true},
		"permata in the list":    {`{"payment_type":"bank_transfer","va_numbers":[{"bank":"Permata"}]}`, "bank_transfer/permata", true},
		"no bank":                {`{"payment_type":"bank_transfer"}`, "bank_transfer", false},
		"list of something else": {`{"payment_type":"bank_transfer","va_numbers":[1,{}]}`, "bank_transfer", false},
		"list is none":           {`{"payment_type":"bank_transfer","va_numbers":"x","bank":"bri"}`, "bank_transfer/bri", false},
		"capital store":          {`{"payment_type":"cstore","store":"Indomaret"}`, "cstore/indomaret", true},
		"no store":               {`{"payment_type":"cstore"}`, "cstore", false},
		"acquirer is no method":  {`{"payment_type":"credit_card","bank":"bni"}`, "credit_card", false},
		"none":                   {`{}`, "", false},
	} {
		o, err := gatewaykit.ReadBody([]byte(c.body))
		require.NoError(t, err)
		require.Equal(t, c.want, methodOf(o), name)
		require.Equal(t, c.rev, isReversible(methodOf(o)), name)
	}
}
