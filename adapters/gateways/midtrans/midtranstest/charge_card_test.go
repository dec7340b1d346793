package midtranstest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	goodCard       = "4811111111111114"
	deniedCard     = "4911111111111113"
	challengedCard = "4511111111111117"
)

// token is one of a test card.
func (b *bench) token(number string) string {
	b.t.Helper()
	id, err := b.CardToken(number)
	b.ok(err)
	return id
}

// byCard charges a token; more are further fields of credit_card.
func byCard(token string, more ...string) string {
	return fmt.Sprintf(`"payment_type":"credit_card","credit_card":{%s}`, strings.Join(append([]string{fmt.Sprintf(`"token_id":%q`, token)}, more...), ","))
}

// browser asks for a token as Midtrans's script does.
func (b *bench) browser(path string, fields ...string) object {
	b.t.Helper()
	q := url.Values{"client_key": {"SB-Mid-client-test"}}
	for i := 0; i < len(fields); i += 2 {
		q.Set(fields[i], fields[i+1])
	}
	status, got := b.call(http.MethodGet, path+"?"+q.Encode(), "")
	require.Equal(b.t, http.StatusOK, status)
	return got
}

func TestKeysOfCardCharges(t *testing.T) {
	t.Parallel()
	const card = "masked_card card_type bank"
	const verdict = " channel_response_code channel_response_message eci"
	for name, c := range map[string]struct{ number, more, code, status, answer, notice string }{
		"accepted":   {goodCard, "", "200", "capture accept", card + verdict + " approval_code on_us", card + verdict + " approval_code"},
		"challenged": {challengedCard, "", "201", "capture challenge", card + verdict + " approval_code on_us", card + verdict + " approval_code"},
		"denied":     {deniedCard, "", "202", "deny accept", card + verdict + " on_us", card + verdict},
		"fraud":      {"4611111111111116", "", "202", "deny deny", card + " on_us", card},
		"authorized": {goodCard, `"type":"authorize"`, "200", "authorize accept", card + verdict + " approval_code on_us", card + verdict + " approval_code"},
		"kept": {
			goodCard, `"save_token_id":true,"installment_term":3,"point_redeem_amount":-1`, "200", "capture accept",
			card + verdict + " approval_code on_us saved_token_id saved_token_id_expired_at installment_term point_redeem_amount",
			card + verdict + " approval_code saved_token_id saved_token_id_expired_at installment_term point_redeem_amount",
		},
	} {
		b := newBench(t)
		var more []string
		if c.more != "" {
			more = []string{c.more}
		}
		got := b.charge("order-1", byCard(b.token(c.number), more...), c.code)
		require.Equal(t, c.status, got.text("transaction_status")+" "+got.text("fraud_status"), name)
		require.Equal(t, keySet(common, c.answer), got.keys(), name)
		notices := b.delivered()
		require.Len(t, notices, 1, name)
		require.Equal(t, keySet(common, "signature_key", c.notice), notices[0].body.keys(), name)
		require.Equal(t, c.code+" "+c.status, notices[0].body.text("status_code")+" "+notices[0].body.text("transaction_status")+" "+notices[0].body.text("fraud_status"), name)
		if name == "kept" {
			require.Equal(t, "3", got["installment_term"])
			require.Equal(t, float64(3), notices[0].body["installment_term"])
			require.Equal(t, float64(30_000), got["point_redeem_amount"], "all that can be")
			require.Regexp(t, `^48111111\w{20}1114$`, got.text("saved_token_id"))
		}
	}
}

func TestThreeDS(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const secure = `"authentication":true`
	got := b.charge("order-1", byCard(b.token(goodCard), secure), "201")
	require.Equal(t, keySet(common, "-fraud_status masked_card card_type on_us three_ds_version redirect_url"), got.keys())
	require.Empty(t, b.delivered(), "nothing has been decided")
	b.charge("order-1", byCard(b.token(goodCard), secure), "406")
	b.ok(b.FinishThreeDS("order-1", false))
	require.Equal(t, "deny", b.words())
	require.Error(t, b.FinishThreeDS("order-1", true), "it is over")

	b.charge("order-1", byCard(b.token(goodCard), secure), "201")
	b.ok(b.FinishThreeDS("order-1", true))
	require.Equal(t, "capture", b.words())
	b.charge("order-2", byCard(b.token(deniedCard), secure), "201")
	b.ok(b.FinishThreeDS("order-2", true))
	require.Equal(t, "deny", b.words(), "by the bank")
	require.Equal(t, "Do not honor", b.status("order-2").text("channel_response_message"))

	id := b.charge("order-3", byCard(b.token(goodCard), secure), "201").text("transaction_id")
	b.clock.Advance(10*time.Minute - time.Second)
	require.Equal(t, "pending", b.status(id).text("transaction_status"))
	b.clock.Advance(time.Second)
	require.Equal(t, "expire", b.status(id).text("transaction_status"))
	b.charge("order-4", way("gopay"), "201")
	require.ErrorContains(t, b.FinishThreeDS("order-4", true), "not paid by card")
	require.Error(t, b.FinishThreeDS("nobody", true))
}

func TestTokensAreGoodOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token := b.token(deniedCard)
	b.charge("order-1", byCard(token), "202")
	b.charge("order-2", byCard(token), "411")
	b.charge("order-2", byCard("48111111-1114-none"), "411")
	token = b.token(goodCard)
	b.charge("order-1", byCard(token), "200")
	b.charge("order-1", byCard(b.token(goodCard)), "406")
	_, err := b.CardToken("4000000000000002")
	require.ErrorContains(t, err, "not a test card")
	_, ok := b.Order("order-2")
	require.False(t, ok, "nothing was made")

	token = b.token(goodCard)
	b.charge("order-1", byCard(token), "406")
	b.charge("order-3", byCard(token), "200") // a charge that was no charge spends no token
}

func TestSavedCards(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	saved := b.charge("order-1", byCard(b.token(goodCard), `"save_token_id":true`), "200").text("saved_token_id")
	for _, id := range []string{"order-2", "order-3"} { // one click
		require.Equal(t, "capture", b.charge(id, byCard(saved), "200").text("transaction_status"))
	}
	twice := b.browser("/v2/token", "token_id", saved, "card_cvv", "123") // two clicks
	require.Equal(t, "200", twice.text("status_code"), twice)
	b.charge("order-4", byCard(twice.text("token_id"), `"authentication":true`), "201")
	b.charge("order-5", byCard(twice.text("token_id")), "411")
	require.Equal(t, "400", b.browser("/v2/token", "token_id", saved).text("status_code"), "a CVV is asked for")

	got := b.browser("/v2/card/register", "card_number", goodCard, "card_exp_month", "12", "card_exp_year", "2030")
	require.Equal(t, []string{"masked_card", "saved_token_id", "status_code", "transaction_id"}, got.keys())
	b.charge("order-6", byCard(got.text("saved_token_id")), "200")
	b.charge("order-7", byCard(got.text("saved_token_id")), "200")
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ask := func(number, month, year, cvv string) object {
		return b.browser("/v2/token", "card_number", number, "card_exp_month", month, "card_exp_year", year, "card_cvv", cvv)
	}
	require.Equal(t, []string{"hash", "status_code", "status_message", "token_id"}, ask("4811 1111 1111 1114", "5", "2026", "123").keys(), "the month is not over")
	const luhn, month, year = "card_number does not match with luhn algorithm", "card_exp_month is not valid", "card_exp_year is not valid, or the card has expired"
	for _, c := range []struct{ number, month, year, cvv, want string }{
		{"", "12", "2030", "123", "card_number is required"},
		{"4811111111111115", "12", "2030", "123", luhn},
		{"481111111111111x", "12", "2030", "123", luhn},
		{"42", "12", "2030", "123", luhn},
		{"4000000000000002", "12", "2030", "123", "card_number is not one of the sandbox's test cards"},
		{goodCard, "13", "2030", "123", month},
		{goodCard, "x", "2030", "123", month},
		{goodCard, "4", "2026", "123", year},
		{goodCard, "12", "2025", "123", year},
		{goodCard, "12", "", "123", year},
		{goodCard, "12", "2030", "12", "card_cvv is not valid"},
		{goodCard, "12", "2030", "", "card_cvv is not valid"},
	} {
		got := ask(c.number, c.month, c.year, c.cvv)
		require.Equal(t, "400", got.text("status_code"), c)
		require.Contains(t, got["validation_messages"], c.want, c)
	}
	for _, path := range []string{"/v2/token", "/v2/card/register"} {
		status, got := b.call(http.MethodGet, path+"?client_key=wrong&card_number="+goodCard, "")
		require.Equal(t, http.StatusUnauthorized, status, path)
		require.Equal(t, "401", got.text("status_code"), path)
	}
	require.Equal(t, "400", b.browser("/v2/card/register", "card_number", "4000000000000002", "card_exp_month", "12", "card_exp_year", "2030").text("status_code"))
}

func TestAuthorizeAndCapture(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.charge("order-1", byCard(b.token(goodCard), `"type":"authorize"`), "200").text("transaction_id")
	capture := func(body, code string) object {
		_, got := b.call(http.MethodPost, "/v2/capture", body)
		require.Equal(t, code, got.text("status_code"), body)
		return got
	}
	for body, code := range map[string]string{
		`{}`: "400", `null`: "400", `{"transaction_id":"none"}`: "404", `{`: "413", `{"transaction_id":7}`: "413",
		`{"transaction_id":"` + id + `","gross_amount":30001}`: "400", `{"transaction_id":"` + id + `","gross_amount":0}`: "400",
		`{"transaction_id":"` + id + `","gross_amount":1e300}`: "400", `{"transaction_id":"` + id + `","gross_amount":-1}`: "400",
	} {
		capture(body, code)
	}
	require.Equal(t, "authorize", b.words(), "nothing was captured")
	got := capture(`{"transaction_id":"`+id+`","gross_amount":20000.0}`, "200")
	require.Equal(t, "capture 20000.00", got.text("transaction_status")+" "+got.text("gross_amount"))
	capture(`{"transaction_id":"`+id+`"}`, "412")
	b.clock.Advance(48 * time.Hour)
	require.Equal(t, "capture settlement", b.words())
	require.Equal(t, "20000.00", b.status(id).text("gross_amount"))

	id = b.charge("order-2", byCard(b.token(goodCard), `"type":"authorize"`), "200").text("transaction_id")
	require.Equal(t, "30000.00", capture(`{"transaction_id":"`+id+`"}`, "200").text("gross_amount"), "all of it")
	b.charge("order-3", byCard(b.token(goodCard), `"type":"authorize"`), "200")
	require.Equal(t, "cancel", b.act("order-3", "cancel", "").text("transaction_status"))
	id = b.charge("order-3", byCard(b.token(goodCard), `"type":"authorize"`), "200").text("transaction_id")
	b.clock.Advance(8 * 24 * time.Hour)
	require.Equal(t, "expire", b.status("order-3").text("transaction_status"), "nobody captured it")
	capture(`{"transaction_id":"`+id+`"}`, "412")
}

func TestBINs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	status, got := b.call(http.MethodGet, "/v1/bins/481111", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "VISA", got["data"].(map[string]any)["brand"])
	for _, bin := range []string{"000000", "48"} {
		status, got = b.call(http.MethodGet, "/v1/bins/"+bin, "")
		require.Equal(t, http.StatusNotFound, status)
		require.Equal(t, []string{"errors"}, got.keys())
	}
	status, page := b.visit(b.URL+"/v1/bins/481111", nil)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "Unauthorized\n", page, "in plain text")
}
