package midtranstest

import (
	"net/http"
	"time"
)

// preAuthLife is how long GoPay holds money that is not captured.
const preAuthLife = 15 * time.Minute

// byAccount reports whether a linked GoPay account is to be charged.
func (r *chargeRequest) byAccount() bool {
	return r.PaymentType == "gopay" && (r.GoPay.AccountID != "" || r.GoPay.Token != "")
}

// checkAccount is what a charge of a linked account needs.
func (r *chargeRequest) checkAccount() []string {
	switch {
	case !r.byAccount():
	case r.GoPay.AccountID == "":
		return []string{"gopay.account_id is required"}
	case r.GoPay.Token == "":
		return []string{"gopay.payment_option_token is required"}
	}
	return nil
}

// purse is what a linked account is charged by, or the answer to a charge that
// is refused. Midtrans does not document that answer.
func (s *Server) purse(accountID, token string, now time.Time) (*purse, *reply) {
	a := s.state.accounts[accountID]
	if a == nil || a.now(now) != accountEnabled {
		out := noAccount()
		return nil, &out
	}
	p := a.purse(token)
	if p == nil {
		out := coreError(http.StatusOK, "411", badToken)
		return nil, &out
	}
	return p, nil
}

// chargeAccount takes the money at once, or asks the account's owner for the
// PIN.
func (s *Server) chargeAccount(t *Transaction, r chargeRequest, p *purse, now time.Time) reply {
	t.AccountID, t.PreAuth = r.GoPay.AccountID, r.GoPay.PreAuth
	tell := func(code, message string, more map[string]any) reply {
		body := s.base(t, code, message)
		for key, value := range more {
			body[key] = value
		}
		return success(body)
	}
	switch {
	case t.Amount() > p.Balance:
		s.move(t, "deny", t.Fraud, now)
		out := tell("202", "GoPay transaction is denied", map[string]any{
			"channel_response_code": "201", "channel_response_message": "Insufficient Balance",
		})
		out.success = false
		return out
	case t.Amount() >= pinFrom:
		s.notify(t, now)
		url := s.URL + "/v2/deeplink/redirect/" + t.ID
		return tell("201", "GoPay transaction is created. Action(s) required", map[string]any{
			"expiry_time": wibTime(t.ExpiresAt), "actions": []any{
				map[string]any{"name": "verification-link-url", "method": "GET", "url": url},
				map[string]any{"name": "verification-link-app", "method": "GET", "url": url},
			},
		})
	}
	if err := s.pay(t, now); err != nil {
		return coreInternal()
	}
	more := map[string]any{}
	if !t.SettledAt.IsZero() {
		more["settlement_time"] = wibTime(t.SettledAt)
	}
	return tell("200", "Success, GoPay transaction is successful", more)
}
