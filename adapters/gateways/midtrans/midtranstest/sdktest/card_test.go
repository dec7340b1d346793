package sdktest

import (
	"net/http"
	"testing"

	"github.com/midtrans/midtrans-go/coreapi"
	"github.com/stretchr/testify/require"
)

const (
	clientKey  = "SB-Mid-client-sdk"
	good       = "4811111111111114"
	denied     = "4911111111111113"
	poor       = "4472429869996670"
	fraud      = "4611111111111116"
	challenged = "4511111111111117"
)

// token is what the SDK makes of a card.
func (m *merchant) token(number string) string {
	m.t.Helper()
	got, err := m.core.CardToken(number, 12, 2030, "123", clientKey)
	m.noError(err)
	require.Equal(m.t, "200", got.StatusCode, got.ValidationMessage)
	return got.TokenID
}

func byToken(token string, more ...func(*coreapi.CreditCardDetails)) func(*coreapi.ChargeReq) {
	return func(r *coreapi.ChargeReq) {
		r.CreditCard = &coreapi.CreditCardDetails{TokenID: token}
		for _, fill := range more {
			fill(r.CreditCard)
		}
	}
}

func secure(c *coreapi.CreditCardDetails)    { c.Authentication = true }
func authorize(c *coreapi.CreditCardDetails) { c.Type = "authorize" }

// card charges 30,000 rupiah to a card.
func (m *merchant) card(id, number string, more ...func(*coreapi.CreditCardDetails)) *coreapi.ChargeResponse {
	m.t.Helper()
	got, err := m.core.ChargeTransaction(charge(id, coreapi.PaymentTypeCreditCard, byToken(m.token(number), more...)))
	m.noError(err)
	return got
}

func TestChargeOfACard(t *testing.T) {
	m := newMerchant(t)
	for number, want := range map[string]string{
		good:       "200 capture accept Success, Credit Card transaction is successful",
		challenged: "201 capture challenge Success, Credit Card transaction is challenged by Fraud Detection System",
		denied:     "202 deny accept Deny by Bank [BNI] with code [05] and message [Do not honor]",
		poor:       "202 deny accept Deny by Bank [BNI] with code [51] and message [Insufficient Funds]",
		fraud:      "202 deny deny Denied by Fraud Detection System",
	} {
		got := m.card(number, number)
		require.Equal(t, want, got.StatusCode+" "+got.TransactionStatus+" "+got.FraudStatus+" "+got.StatusMessage)
		require.Equal(t, number[:8]+"-"+number[12:], got.MaskedCard)
		require.Equal(t, "credit bni", got.CardType+" "+got.Bank)
		require.Equal(t, number == good || number == challenged, got.ApprovalCode != "")
		require.Empty(t, got.RedirectURL)
		found, err := m.core.CheckTransaction(got.TransactionID)
		m.noError(err)
		require.Equal(t, got.StatusCode+" "+got.TransactionStatus, found.StatusCode+" "+found.TransactionStatus)
	}
	_, err := m.core.ChargeTransaction(charge(good, coreapi.PaymentTypeCreditCard, byToken(m.token(good))))
	m.code(406, err, "it is paid")
}

func TestChargeOfACardWithItsDetails(t *testing.T) {
	m := newMerchant(t)
	got := m.card("order-1", good, func(c *coreapi.CreditCardDetails) {
		c.Bank, c.InstallmentTerm, c.PointRedeemAmount, c.SaveTokenID = "mandiri", 6, 10_000, true
	})
	require.Equal(t, "mandiri 6 10000", got.Bank+" "+got.InstallmentTerm+" "+"10000")
	require.Equal(t, 10_000, got.PointRedeemAmount)
	require.NotEmpty(t, got.SavedTokenIDExpiredAt)
	found, err := m.core.CheckTransaction("order-1")
	m.noError(err)
	require.Equal(t, 6, found.InstallmentTerm, "a number here")

	for _, id := range []string{"order-2", "order-3"} { // a saved card is good for any number of charges
		got, err = m.core.ChargeTransaction(charge(id, coreapi.PaymentTypeCreditCard, byToken(got.SavedTokenID, func(c *coreapi.CreditCardDetails) { c.SaveTokenID = true })))
		m.noError(err)
		require.Equal(t, "capture", got.TransactionStatus)
	}
	got = m.card("order-4", good, func(c *coreapi.CreditCardDetails) { c.Bins = []string{"521111"} })
	require.Equal(t, "202 deny", got.StatusCode+" "+got.TransactionStatus, "its BIN is not taken")
	got = m.card("order-5", good, func(c *coreapi.CreditCardDetails) { c.Bins = []string{"521111", "4811"} })
	require.Equal(t, "capture", got.TransactionStatus)
}

func TestChargeByThreeDS(t *testing.T) {
	m := newMerchant(t)
	for _, c := range []struct {
		id, number string
		knows      bool
		want       string
	}{
		{"knows", good, true, "200 capture accept"},
		{"fails", good, false, "202 deny accept"},
		{"denied", denied, true, "202 deny accept"},
		{"challenged", challenged, true, "201 capture challenge"},
	} {
		got := m.card(c.id, c.number, secure)
		require.Equal(t, "201 pending", got.StatusCode+" "+got.TransactionStatus)
		require.Contains(t, got.RedirectURL, "/v2/3ds/redirect/")
		require.Empty(t, got.FraudStatus+got.ApprovalCode, "not known yet")
		require.Equal(t, "2", got.ThreeDsVersion)
		m.ok(m.sim.FinishThreeDS(c.id, c.knows))
		found, err := m.core.CheckTransaction(c.id)
		m.noError(err)
		require.Equal(t, c.want, found.StatusCode+" "+found.TransactionStatus+" "+found.FraudStatus, c.id)
	}
}

// There is a card whose bank does not ask.
func TestChargeWithoutAQuestion(t *testing.T) {
	m := newMerchant(t)
	got := m.card("order-1", "4211111111111110", secure)
	require.Equal(t, "200 capture accept 07", got.StatusCode+" "+got.TransactionStatus+" "+got.FraudStatus+" "+got.Eci)
	require.Empty(t, got.RedirectURL)
}

func TestTokensThatAreNoGood(t *testing.T) {
	m := newMerchant(t)
	token := m.token(good)
	_, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeCreditCard, byToken(token)))
	m.noError(err)
	for name, bad := range map[string]string{"used": token, "unknown": "48111111-1114-none"} {
		_, err = m.core.ChargeTransaction(charge("order-2", coreapi.PaymentTypeCreditCard, byToken(bad)))
		m.code(411, err, name)
	}
	_, err = m.core.CheckTransaction("order-2")
	m.code(404, err, "nothing was made")

	// A body with 400 is no error to the SDK if it comes with HTTP 200.
	got, err := m.core.CardToken("4811111111111115", 12, 2030, "123", clientKey)
	m.noError(err)
	require.Equal(t, "400", got.StatusCode)
	require.Equal(t, []string{"card_number does not match with luhn algorithm"}, got.ValidationMessage)
	_, err = m.core.CardToken(good, 12, 2030, "123", "SB-Mid-client-wrong")
	m.code(401, err, "a wrong client key")
}

func TestRegisterCard(t *testing.T) {
	m := newMerchant(t)
	got, err := m.core.RegisterCard(good, 12, 2030, clientKey)
	m.noError(err)
	require.Equal(t, "200 48111111-1114", got.StatusCode+" "+got.MaskCard)
	charged, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeCreditCard, byToken(got.SavedTokenID)))
	m.noError(err)
	require.Equal(t, "200 capture", charged.StatusCode+" "+charged.TransactionStatus)

	got, err = m.core.RegisterCard(good, 4, 2026, clientKey)
	m.noError(err)
	require.Equal(t, "400", got.StatusCode, "the card has expired")
	require.NotEmpty(t, got.ValidationMessage)
	_, err = m.core.RegisterCard(good, 12, 2030, "SB-Mid-client-wrong")
	m.code(401, err, "a wrong client key")
}

func TestGetBIN(t *testing.T) {
	m := newMerchant(t)
	m.core.ClientKey = clientKey
	got, err := m.core.GetBIN("48111111")
	m.noError(err)
	require.Equal(t, "48111111 VISA CREDIT", got.Data.Bin+" "+got.Data.Brand+" "+got.Data.BinType)
	_, err = m.core.GetBIN("000000")
	m.code(http.StatusNotFound, err, "unknown")
}

func TestCardPointInquiry(t *testing.T) {
	m := newMerchant(t)
	got, err := m.core.CardPointInquiry(m.token(good))
	m.noError(err)
	require.Equal(t, "200 10000.00", got.StatusCode+" "+got.PointBalanceAmount)
	_, err = m.core.CardPointInquiry("none")
	m.code(411, err, "no token")
	m.useKey("SB-Mid-server-wrong")
	_, err = m.core.CardPointInquiry("none")
	m.code(401, err, "a wrong key")
}

func TestCapture(t *testing.T) {
	m := newMerchant(t)
	for id, amount := range map[string]float64{"all": 30_000, "part": 20_000} {
		got := m.card(id, good, authorize)
		require.Equal(t, "200 authorize", got.StatusCode+" "+got.TransactionStatus)
		_, err := m.core.CaptureTransaction(&coreapi.CaptureReq{TransactionID: got.TransactionID, GrossAmt: 30_001})
		m.code(400, err, "more than is reserved")
		captured, err := m.core.CaptureTransaction(&coreapi.CaptureReq{TransactionID: got.TransactionID, GrossAmt: amount})
		m.noError(err)
		require.Equal(t, "200 capture accept", captured.StatusCode+" "+captured.TransactionStatus+" "+captured.FraudStatus)
		require.NotEmpty(t, captured.ApprovalCode)
		found, err := m.core.CheckTransaction(id)
		m.noError(err)
		require.Equal(t, map[string]string{"all": "30000.00", "part": "20000.00"}[id], found.GrossAmount)
		_, err = m.core.CaptureTransaction(&coreapi.CaptureReq{TransactionID: got.TransactionID, GrossAmt: amount})
		m.code(412, err, "capture again")
	}
	_, err := m.core.CaptureTransaction(&coreapi.CaptureReq{TransactionID: "none", GrossAmt: 1})
	m.code(404, err, "unknown")
	_, err = m.core.CaptureTransaction(&coreapi.CaptureReq{GrossAmt: 1})
	m.code(400, err, "of nothing")
}

func TestReviewOfACharge(t *testing.T) {
	m := newMerchant(t)
	m.card("order-1", challenged)
	got, err := m.core.ApproveTransaction("order-1")
	m.noError(err)
	require.Equal(t, "200 capture accept", got.StatusCode+" "+got.TransactionStatus+" "+got.FraudStatus)
	_, err = m.core.DenyTransaction("order-1")
	m.code(412, err, "deny what is approved")
	canceled, err := m.core.CancelTransaction("order-1")
	m.noError(err)
	require.Equal(t, "cancel", canceled.TransactionStatus)

	second := m.card("order-2", challenged)
	got, err = m.core.DenyTransaction(second.TransactionID)
	m.noError(err)
	require.Equal(t, "200 deny deny", got.StatusCode+" "+got.TransactionStatus+" "+got.FraudStatus)

	third := m.card("order-3", challenged, authorize)
	require.Equal(t, "201 authorize challenge", third.StatusCode+" "+third.TransactionStatus+" "+third.FraudStatus)
	_, err = m.core.CaptureTransaction(&coreapi.CaptureReq{TransactionID: third.TransactionID, GrossAmt: 1})
	m.code(412, err, "capture under review")
	_, err = m.core.ApproveTransaction("order-3")
	m.noError(err)
	_, err = m.core.CaptureTransaction(&coreapi.CaptureReq{TransactionID: third.TransactionID, GrossAmt: 1})
	m.noError(err)
}
