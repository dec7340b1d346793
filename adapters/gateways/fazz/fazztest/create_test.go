package fazztest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz/fazztest"
)

func TestCreated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, path := range []string{api, api + "/"} {
		status, got := b.call(http.MethodPost, path, body("INV-"+path, byRetail, `"description":"Tea"`), "Content-Type", "application/json; charset=utf-8")
		require.Equal(t, http.StatusCreated, status)
		require.Regexp(t, `^contract_[0-9a-f]{32}$`, got.at("data.id"))
		require.Equal(t, "payment", got.at("data.type"))
		data := got["data"].(map[string]any)
		require.Equal(t, []string{"amount", "createdAt", "currency", "description", "expiredAt", "fees", "paymentMethod", "referenceId", "status"}, keys(data["attributes"]))
		a := data["attributes"].(map[string]any)
		require.Equal(t, "100000.0", a["amount"], "money is text")
		require.Equal(t, "2026-05-06T10:00:00+07:00", a["createdAt"])
		require.Equal(t, "2026-05-07T03:00:00Z", a["expiredAt"])
		require.Equal(t, "Tea", a["description"])
		require.Equal(t, "4400.0", a["fees"])
		require.Equal(t, "IDR", a["currency"])
		require.Equal(t, "pending", a["status"])
		require.Equal(t, "INV-"+path, a["referenceId"])
		require.Equal(t, []string{"id", "instructions", "referenceId", "type"}, keys(a["paymentMethod"]))
		require.Equal(t, "INV-"+path, got.at("data.attributes.paymentMethod.referenceId"))
		require.Equal(t, got, b.look("INV-"+path))
		_, slash := b.call(http.MethodGet, api+"/"+got.at("data.id")+"/", "")
		require.Equal(t, got, slash)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		how, fees string
		life      time.Duration
		keys      []string
		values    map[string]string // patterns, by path below paymentMethod
	}{
		"virtual account": {byVA, "4400.0", 24 * time.Hour, []string{"accountNo", "bankShortCode", "displayName"}, map[string]string{
			"type": "virtual_bank_account", "instructions.bankShortCode": "BNI", "instructions.accountNo": "8848[0-9]{12}", "instructions.displayName": "TOKO",
		}},
		"retail": {byRetail, "4400.0", 24 * time.Hour, []string{"displayName", "paymentCode", "retailOutletName"}, map[string]string{
			"type": "retail_outlet", "instructions.retailOutletName": "ALFAMART", "instructions.paymentCode": "[0-9]{7}", "instructions.displayName": "Nama Tampilan",
		}},
		"qris": {byQRIS, "700.0", 24 * time.Hour, []string{"displayName", "imageUrl"}, map[string]string{
			"type": "qris", "instructions.imageUrl": `http://fazz\.test/qr/contract_[0-9a-f]{32}\.svg`,
		}},
		"shopeepay": {byShopee, "1500.0", 15 * time.Minute, nil, map[string]string{
			"type": "e-wallet", "settlement.httpUrl": `http://fazz\.test/pay/contract_[0-9a-f]{32}`, "settlement.afterSettlementUrl": `https://shop\.example/thanks\?o=1`,
		}},
		"ovo": {byOVO, "1500.0", 15 * time.Minute, nil, map[string]string{"settlement.afterSettlementUrl": `https://shop\.example/`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			got := b.pay("INV-1", tc.how)
			require.Equal(t, tc.fees, got.at("data.attributes.fees"))
			require.Equal(t, start.Add(tc.life).Format(time.RFC3339), got.at("data.attributes.expiredAt"))
			method := got["data"].(map[string]any)["attributes"].(map[string]any)["paymentMethod"].(map[string]any)
			require.Equal(t, tc.keys, keys(method["instructions"]))
			require.NotNil(t, method["instructions"])
			for path, pattern := range tc.values {
				require.Regexp(t, "^"+pattern+"$", object(method).at(path), path)
			}
			_, has := got["data"].(map[string]any)["attributes"].(map[string]any)["description"]
			require.True(t, has, "null, not absent")
			require.Empty(t, got.at("data.attributes.description"))
		})
	}
}

func TestFeesAreRoundedDown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Equal(t, "13.0", b.pay("q", byQRIS, `"amount":1999`).at("data.attributes.fees")) // 13.99
	require.Equal(t, "0.0", b.pay("w", byShopee, `"amount":66`).at("data.attributes.fees"))  // 0.99
}

func TestAccountNumbers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	suffixed := func(suffix string) string {
		return strings.Replace(byVA, `"suffixNo":""`, `"suffixNo":"`+suffix+`"`, 1)
	}
	seen := map[string]bool{}
	for i := range 20 {
		no := b.pay(fmt.Sprint("INV-", i), suffixed("77")).at("data.attributes.paymentMethod.instructions.accountNo")
		require.Regexp(t, `^8848[0-9]{10}77$`, no)
		require.False(t, seen[no])
		seen[no] = true
	}
	whole := "123456789012"
	require.Equal(t, "8848"+whole, b.pay("whole", suffixed(whole)).at("data.attributes.paymentMethod.instructions.accountNo"))
	status, got := b.call(http.MethodPost, api, body("again", suffixed(whole)))
	require.Equal(t, http.StatusBadRequest, status)
	_, details := problems(got)
	require.Contains(t, details[0], "suffixNo")
	b.ok(b.Expire("whole"))
	b.pay("again", suffixed(whole))
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	wallet := func(more string) string {
		return `"paymentMethodType":"e-wallet","paymentMethodOptions":{` + more + `}`
	}
	bank := func(options string) string {
		return `"paymentMethodType":"virtual_bank_account","paymentMethodOptions":{` + options + `}`
	}
	for name, tc := range map[string]struct {
		body   string
		status int
		code   string
		detail string // a pattern
	}{
		"no JSON":            {`{"data":`, 400, "005", "body"},
		"a list":             {`[]`, 400, "005", "body"},
		"nothing":            {`{}`, 400, "005", "referenceId"},
		"no type":            {body("r", `"x":1`), 400, "005", "paymentMethodType"},
		"unknown type":       {body("r", `"paymentMethodType":"e_wallet","paymentMethodOptions":{}`), 400, "005", "paymentMethodType.*e-wallet"},
		"no options":         {body("r", `"paymentMethodType":"qris"`), 400, "005", "paymentMethodOptions is required"},
		"no reference":       {body("", byVA), 400, "005", "referenceId is required"},
		"blank reference":    {body("  ", byVA), 400, "005", "referenceId is required"},
		"odd reference":      {body("é", byVA), 400, "005", "referenceId may hold"},
		"number reference":   {body("r", byVA, `"referenceId":7`), 400, "005", "referenceId must not be a number"},
		"other currency":     {body("r", byVA, `"currency":"SGD"`), 400, "005", "currency"},
		"amount as text":     {body("r", byVA, `"amount":"100000"`), 400, "005", "amount must be a JSON integer"},
		"amount fraction":    {body("r", byVA, `"amount":100000.0`), 400, "005", "amount must be a JSON integer"},
		"amount exponent":    {body("r", byVA, `"amount":1e5`), 400, "005", "amount must be a JSON integer"},
		"amount zero":        {body("r", byVA, `"amount":0`), 400, "005", "amount must be a JSON integer"},
		"amount negative":    {body("r", byVA, `"amount":-100000`), 400, "005", "amount must be a JSON integer"},
		"amount null":        {body("r", byVA, `"amount":null`), 400, "005", "amount must be a JSON integer"},
		"amount beyond":      {body("r", byVA, `"amount":99999999999999999999`), 400, "005", "amount must be a JSON integer"},
		"no bank":            {body("r", bank(``)), 400, "005", "bankShortCode must be one of BCA"},
		"unknown bank":       {body("r", bank(`"bankShortCode":"bni"`)), 400, "005", "bankShortCode"},
		"static bank":        {body("r", bank(`"bankShortCode":"PERMATA"`)), 403, "003", "bankShortCode PERMATA"},
		"static CIMB":        {body("r", bank(`"bankShortCode":"CIMB_NIAGA"`)), 403, "003", "bankShortCode"},
		"static Danamon":     {body("r", bank(`"bankShortCode":"DANAMON"`)), 403, "003", "bankShortCode"},
		"static Hana":        {body("r", bank(`"bankShortCode":"HANA"`)), 403, "003", "bankShortCode"},
		"suffix letters":     {body("r", bank(`"bankShortCode":"BCA","suffixNo":"12a"`)), 400, "005", "suffixNo"},
		"suffix too long":    {body("r", bank(`"bankShortCode":"BCA","suffixNo":"1234567890123"`)), 400, "005", "suffixNo"},
		"name too long":      {body("r", bank(`"bankShortCode":"BCA","displayName":"123456789012345678901"`)), 400, "005", "displayName"},
		"name with a dash":   {body("r", bank(`"bankShortCode":"BCA","displayName":"TOKO-1"`)), 400, "005", "displayName"},
		"no outlet":          {body("r", `"paymentMethodType":"retail_outlet","paymentMethodOptions":{}`), 400, "005", "retailOutletName must be one of ALFAMART, INDOMARET"},
		"unknown wallet":     {body("r", wallet(`"providerCode":"DANA","afterSettlementReturnUrl":"https://s.example/"`)), 400, "005", "providerCode must be one of SHOPEEPAY, OVO"},
		"no return":          {body("r", wallet(`"providerCode":"SHOPEEPAY"`)), 400, "005", "afterSettlementReturnUrl"},
		"a script to return": {body("r", wallet(`"providerCode":"SHOPEEPAY","afterSettlementReturnUrl":"javascript://x/%0aalert(1)"`)), 400, "005", "afterSettlementReturnUrl"},
		"no phone":           {body("r", wallet(`"providerCode":"OVO","afterSettlementReturnUrl":"https://s.example/"`)), 400, "005", "phoneNumber"},
		"past":               {body("r", byVA, `"expiredAt":"2026-05-06T09:59:59+07:00"`), 400, "005", "expiredAt must be in the future"},
		"now":                {body("r", byVA, `"expiredAt":"2026-05-06T03:00:00Z"`), 400, "005", "expiredAt must be in the future"},
		"no offset":          {body("r", byVA, `"expiredAt":"2026-05-07T03:00:00"`), 400, "005", "expiredAt must be an ISO 8601"},
		"wallet too soon":    {body("r", byShopee, `"expiredAt":"2026-05-06T03:00:59Z"`), 400, "005", "expiredAt of an e-wallet"},
		"wallet too late":    {body("r", byShopee, `"expiredAt":"2026-05-06T04:00:01Z"`), 400, "005", "expiredAt of an e-wallet"},
		"too large":          {`"` + strings.Repeat("x", 1<<20) + `"`, 413, "005", "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			status, got := b.call(http.MethodPost, api, tc.body)
			require.Equal(t, tc.status, status, got)
			codes, details := problems(got)
			require.Equal(t, tc.code, codes[0])
			require.Regexp(t, tc.detail, details[0])
			require.NotEmpty(t, got["errors"].([]any)[0].(map[string]any)["title"])
			require.Empty(t, b.Payments())
		})
	}
}

func TestAcceptedEdges(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, tc := range []string{
		body("1", byShopee, `"expiredAt":"2026-05-06T03:01:00Z"`),
		body("2", byShopee, `"expiredAt":"2026-05-06T11:00:00+07:00"`),
		body("3 !~", byVA, `"expiredAt":null`, `"description":null`, `"metadata":{"a":1}`),
		body("4", byQRIS, `"displayName":"ignored here"`),
		body("5", `"paymentMethodType":"qris","paymentMethodOptions":{}`),
	} {
		status, got := b.call(http.MethodPost, api, tc)
		require.Equal(t, http.StatusCreated, status, "%d: %v", i, got)
	}
	require.Equal(t, "2026-05-06T04:00:00Z", b.look("2").at("data.attributes.expiredAt"), "given in UTC")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	swap := func(how, old, by string) string { return strings.Replace(how, old, by, 1) }
	for name, tc := range map[string]struct {
		how         string
		least, most int64
	}{
		"BNI": {byVA, 10_000, 100_000_000}, "BCA": {swap(byVA, "BNI", "BCA"), 10_000, 100_000_000}, "BRI": {swap(byVA, "BNI", "BRI"), 10_000, 100_000_000},
		"MANDIRI": {swap(byVA, "BNI", "MANDIRI"), 10_000, 100_000_000}, "SAMPOERNA": {swap(byVA, "BNI", "SAHABAT_SAMPOERNA"), 10_000, 100_000_000},
		"ALFAMART": {byRetail, 15_000, 2_500_000}, "INDOMARET": {swap(byRetail, "ALFAMART", "INDOMARET"), 10_000, 5_000_000},
		"QRIS": {byQRIS, 1_500, 5_000_000}, "SHOPEEPAY": {byShopee, 1, 10_000_000}, "OVO": {byOVO, 1, 10_000_000},
	} {
		for _, amount := range []int64{tc.least - 1, tc.least, tc.most, tc.most + 1} {
			status, got := b.call(http.MethodPost, api, body(fmt.Sprint(name, amount), tc.how, fmt.Sprintf(`"amount":%d`, amount)))
			codes, details := problems(got)
			switch {
			case amount == 0:
				require.Equal(t, []string{"005"}, codes)
			case amount < tc.least || amount > tc.most:
				require.Equal(t, http.StatusBadRequest, status, "%s %d", name, amount)
				require.Equal(t, []string{"TXN0002"}, codes)
				require.Contains(t, details[0], "amount")
			default:
				require.Equal(t, http.StatusCreated, status, "%s %d: %v", name, amount, got)
			}
		}
	}
}

func TestAllThatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	_, got := newBench(t).call(http.MethodPost, api, body("", `"paymentMethodType":"virtual_bank_account","paymentMethodOptions":{"bankShortCode":"HANA","suffixNo":"x"}`, `"amount":"1"`))
	codes, details := problems(got)
	require.Equal(t, []string{"005", "003", "005", "005"}, codes, details)
}

func TestSameReference(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.pay("INV-1", byVA, `"expiredAt":"2026-05-06T04:00:00Z"`)
	require.Equal(t, first, b.pay("INV-1", byVA))
	require.Equal(t, first, b.pay("INV-1", byQRIS, `"amount":5`), "whatever is asked")
	b.clock.Advance(2 * time.Hour)
	again := b.pay("INV-1", byVA, `"expiredAt":"2026-05-06T04:00:00Z"`)
	require.Equal(t, first.at("data.id"), again.at("data.id"))
	require.Equal(t, "expired", again.at("data.attributes.status"), "as it is now")
	require.Len(t, b.Payments(), 1)
}

func TestStrictReference(t *testing.T) {
	t.Parallel()
	b := newBench(t, fazztest.WithStrictReference())
	first := b.pay("INV-1", byVA)
	require.Equal(t, first, b.pay("INV-1", byVA))
	for _, other := range []string{body("INV-1", byVA, `"amount":100001`), body("INV-1", byQRIS), body("INV-1", strings.Replace(byVA, "BNI", "BRI", 1))} {
		status, got := b.call(http.MethodPost, api, other)
		require.Equal(t, http.StatusConflict, status)
		codes, details := problems(got)
		require.Equal(t, []string{"005"}, codes)
		require.Contains(t, details[0], "referenceId")
	}
	require.Len(t, b.Payments(), 1)
}

func TestIdsAreRandom(t *testing.T) {
	t.Parallel()
	one, two := newBench(t).pay("INV-1", byVA), newBench(t).pay("INV-1", byVA)
	require.NotEqual(t, one.at("data.id"), two.at("data.id"))
	require.NotEqual(t, one.at("data.attributes.paymentMethod.id"), two.at("data.attributes.paymentMethod.id"))
	require.Regexp(t, regexp.MustCompile(`^[0-9a-f]{32}$`), one.at("data.attributes.paymentMethod.id"))
}
