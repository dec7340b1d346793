package sdktest

import (
	"net/http"
	"testing"

	"github.com/midtrans/midtrans-go/coreapi"
	"github.com/stretchr/testify/require"
)

func accountOf(phone string) *coreapi.PaymentAccountReq {
	return &coreapi.PaymentAccountReq{
		PaymentType:  coreapi.PaymentTypeGopay,
		GopayPartner: &coreapi.GopayPartnerDetails{PhoneNumber: phone, CountryCode: "62", RedirectURL: "https://shop.example/linked"},
	}
}

// linked is a linked account.
func (m *merchant) linked() *coreapi.PaymentAccountResponse {
	m.t.Helper()
	made, err := m.core.LinkPaymentAccount(accountOf("81212345678"))
	m.noError(err)
	m.ok(m.sim.LinkAccount(made.AccountId))
	got, err := m.core.GetPaymentAccount(made.AccountId)
	m.noError(err)
	return got
}

func TestPaymentAccount(t *testing.T) {
	m := newMerchant(t)
	made, err := m.core.LinkPaymentAccount(accountOf("81212345678"))
	m.noError(err)
	require.Equal(t, "201 PENDING gopay", made.StatusCode+" "+made.AccountStatus+" "+made.PaymentType)
	require.Len(t, made.Actions, 3)
	got, err := m.core.GetPaymentAccount(made.AccountId)
	m.noError(err)
	require.Equal(t, "201 "+made.AccountId, got.StatusCode+" "+got.AccountId)
	_, err = m.core.UnlinkPaymentAccount(made.AccountId)
	m.code(412, err, "it is not linked yet")

	m.ok(m.sim.LinkAccount(made.AccountId))
	got, err = m.core.GetPaymentAccount(made.AccountId)
	m.noError(err)
	require.Equal(t, "200 ENABLED", got.StatusCode+" "+got.AccountStatus)
	option := got.Metadata.PaymentOptions[0]
	require.Equal(t, "GOPAY_WALLET 1000000.00 IDR", option.Name+" "+option.Balance.Value+" "+option.Balance.Currency)
	require.True(t, option.Active)
	gone, err := m.core.UnlinkPaymentAccount(made.AccountId)
	m.noError(err)
	require.Equal(t, "204 DISABLED 0", gone.StatusCode+" "+gone.AccountStatus+" "+gone.ChannelResponseCode)
}

func TestPaymentAccountsThatFail(t *testing.T) {
	m := newMerchant(t)
	for phone, want := range map[string]string{"123450001": "User Not Found", "123450002": "Wallet is Blocked"} {
		got, err := m.core.LinkPaymentAccount(accountOf(phone))
		m.noError(err)
		require.Equal(t, "202 "+want, got.StatusCode+" "+got.ChannelResponseMessage)
	}
	_, err := m.core.LinkPaymentAccount(&coreapi.PaymentAccountReq{PaymentType: coreapi.PaymentTypeGopay})
	m.code(http.StatusBadRequest, err, "no phone number")
	_, err = m.core.GetPaymentAccount("unknown")
	m.code(404, err, "unknown")
	_, err = m.core.UnlinkPaymentAccount("unknown")
	m.code(404, err, "unknown")

	m.useKey("SB-Mid-server-wrong")
	_, err = m.core.LinkPaymentAccount(accountOf("81212345678"))
	m.code(401, err, "a wrong key")
	_, err = m.core.GetPaymentAccount("unknown")
	m.code(401, err, "a wrong key")
	_, err = m.core.UnlinkPaymentAccount("unknown")
	m.code(401, err, "a wrong key")
}

func TestChargeOfAPaymentAccount(t *testing.T) {
	m := newMerchant(t)
	account := m.linked()
	by := func(token string) func(*coreapi.ChargeReq) {
		return func(r *coreapi.ChargeReq) {
			r.Gopay = &coreapi.GopayDetails{AccountID: account.AccountId, PaymentOptionToken: token}
		}
	}
	got, err := m.core.ChargeTransaction(charge("order-1", coreapi.PaymentTypeGopay, by(account.Metadata.PaymentOptions[0].Token)))
	m.noError(err)
	require.Equal(t, "200 settlement", got.StatusCode+" "+got.TransactionStatus)
	require.Empty(t, got.Actions)
	_, err = m.core.ChargeTransaction(charge("order-2", coreapi.PaymentTypeGopay, by("b2xk")))
	m.code(411, err, "another token")
}
