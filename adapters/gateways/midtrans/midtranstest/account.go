package midtranstest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// account is a payer's GoPay account, linked to the merchant or about to be.
type account struct {
	ID        string    `json:"id"`
	Phone     string    `json:"phone"` // with its country's code, without a plus
	ReturnURL string    `json:"return_url,omitempty"`
	Reference string    `json:"reference"`
	Status    string    `json:"status"` // as last changed: see now
	CreatedAt time.Time `json:"created_at"`
	// Opened are the ways to the page that somebody has gone: each opens once.
	Opened []string `json:"opened,omitempty"`
	// Purses are what can be charged, once it is linked.
	Purses []*purse `json:"purses,omitempty"`
}

// purse is a payment option.
type purse struct {
	Name    string `json:"name"`
	Token   string `json:"token"`
	Balance int64  `json:"balance"`
}

const (
	accountPending  = "PENDING"
	accountExpired  = "EXPIRED"
	accountEnabled  = "ENABLED"
	accountDisabled = "DISABLED"
	// linkingLife is the simulator's: Midtrans states no time.
	linkingLife = 15 * time.Minute
	// pinFrom is the least amount for which GoPay asks for the PIN.
	pinFrom = 100_000
)

// noUsers are the sandbox's phone numbers that cannot be linked, with what
// GoPay says of them. The code of a blocked one is not documented.
var noUsers = map[string][2]string{
	"62123450001": {"105", "User Not Found"}, "62123450002": {"108", "Wallet is Blocked"}, "628271939753": {"108", "Wallet is Blocked"},
}

// poorPhone is the sandbox's number of a payer who has too little money.
const poorPhone = "628242014881"

// now is where the link stands. Nobody is told that one has expired.
func (a *account) now(now time.Time) string {
	if a.Status == accountPending && !now.Before(a.CreatedAt.Add(linkingLife)) {
		return accountExpired
	}
	return a.Status
}

// purse is the payment option of that token, or nil.
func (a *account) purse(token string) *purse {
	for _, p := range a.Purses {
		if p.Token == token {
			return p
		}
	}
	return nil
}

// accountCall is a call about accounts, in the form of the Core API.
func (s *Server) accountCall(op, method string, h func(*http.Request, []byte) reply) http.HandlerFunc {
	fail := func(k simkit.Kind) reply {
		switch {
		case k == simkit.Throttled:
			return throttled
		case k == simkit.Refused && op == "link_account":
			return linkRefused("2903", "invalid scheme")
		case k == simkit.Refused && op == "unlink_account":
			return unlinkRefused()
		case k == simkit.Refused:
			return noAccount()
		}
		return coreInternal()
	}
	return s.call(op, method, fail, coreUnauthorized(), coreWrongMethod(), h)
}

// noAccount is an answer whose words are not documented, unlike its code.
func noAccount() reply { return coreError(http.StatusOK, "404", "Account doesn't exist.") }

func linkRefused(code, message string) reply {
	return answer(http.StatusOK, map[string]any{
		"status_code": "202", "payment_type": "gopay", "account_status": accountDisabled,
		"channel_response_code": code, "channel_response_message": message,
	})
}

func unlinkRefused() reply {
	return answer(http.StatusOK, map[string]any{
		"status_code": "202", "payment_type": "gopay", "account_status": accountEnabled,
		"channel_response_code": "1001", "channel_response_message": "Caller authentication error.",
	})
}

// createAccount is POST /v2/pay/account. It heeds no Idempotency-Key.
func (s *Server) createAccount(_ *http.Request, raw []byte) reply {
	var generic map[string]any
	if decodeNumbers(raw, &generic) != nil || generic == nil {
		return malformed(http.StatusBadRequest)
	}
	partner, problems := checkAccount(generic)
	if len(problems) > 0 {
		return invalid(problems...)
	}
	phone := text(partner, "country_code") + text(partner, "phone_number")
	if why, ok := noUsers[phone]; ok {
		return linkRefused(why[0], why[1])
	}
	var out reply
	err := s.change(func(now time.Time) error {
		a := &account{
			ID: uuid.NewString(), Phone: phone, ReturnURL: text(partner, "redirect_url"), Reference: uuid.NewString(),
			Status: accountPending, CreatedAt: now,
		}
		s.state.Accounts = append(s.state.Accounts, a)
		s.state.accounts[a.ID] = a
		out = s.accountAnswer(a, now)
		return nil
	})
	if err != nil {
		return coreInternal()
	}
	return out
}

// checkAccount is the validation of a request, and its gopay_partner.
func checkAccount(request map[string]any) (partner map[string]any, problems []string) {
	var c checker
	switch request["payment_type"] {
	case "gopay":
	case nil, "":
		c.add("payment_type is required")
	default:
		c.add("payment_type is not supported")
	}
	partner, _ = request["gopay_partner"].(map[string]any)
	if partner == nil {
		c.add("gopay_partner is required")
		return nil, c.problems
	}
	const at = "gopay_partner."
	c.text(partner, at, "phone_number", 15, true)
	c.text(partner, at, "country_code", 3, true)
	c.text(partner, at, "redirect_url", 255, false)
	for _, key := range []string{"phone_number", "country_code"} {
		if n := text(partner, key); n != "" && !allDigits(n) {
			c.add("%s%s must be numeric", at, key)
		}
	}
	return partner, c.problems
}

func allDigits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// aboutAccount does something with the account of the request's path.
func (s *Server) aboutAccount(do func(a *account, now time.Time) reply) func(*http.Request, []byte) reply {
	return func(r *http.Request, _ []byte) reply {
		out := noAccount()
		err := s.change(func(now time.Time) error {
			if a := s.state.accounts[r.PathValue("id")]; a != nil {
				out = do(a, now)
			}
			return nil
		})
		if err != nil {
			return coreInternal()
		}
		return out
	}
}

// unbind is POST /v2/pay/account/{id}/unbind.
func (s *Server) unbind(a *account, now time.Time) reply {
	if a.now(now) != accountEnabled {
		return coreError(http.StatusOK, "412", "Account status cannot be updated.")
	}
	s.moveAccount(a, accountDisabled, now)
	return answer(http.StatusOK, map[string]any{
		"status_code": accountCodes[accountDisabled], "payment_type": "gopay", "account_id": a.ID, "account_status": a.Status,
		"channel_response_code": "0", "channel_response_message": "Process service request successfully.",
	})
}

// accountCodes are the status_code of an account. That of one that has expired
// is not documented.
var accountCodes = map[string]string{accountPending: "201", accountExpired: "202", accountEnabled: "200", accountDisabled: "204"}

// accountAnswer is what a look-up, and the link's creation, tell.
func (s *Server) accountAnswer(a *account, now time.Time) reply {
	status := a.now(now)
	metadata := map[string]any{"reference_id": a.Reference}
	body := map[string]any{
		"status_code": accountCodes[status], "payment_type": "gopay", "account_id": a.ID, "account_status": status, "metadata": metadata,
	}
	switch status {
	case accountPending:
		open := func(name, way string) map[string]any {
			return map[string]any{"name": name, "method": "GET", "url": s.URL + "/v2/pay/account/" + a.ID + "/" + way}
		}
		body["actions"] = []any{open("activation-deeplink", wayApp), open("activation-link-url", wayWeb), open("activation-link-app", wayApp)}
	case accountEnabled:
		var options []any
		for _, p := range a.Purses {
			options = append(options, map[string]any{
				"name": p.Name, "active": p.Balance > 0, "balance": map[string]any{"value": decimal(p.Balance), "currency": "IDR"},
				"metadata": json.RawMessage("{}"), "token": p.Token,
			})
		}
		metadata["payment_options"] = options
	}
	return answer(http.StatusOK, body)
}

// moveAccount changes a link, and tells the merchant.
func (s *Server) moveAccount(a *account, status string, now time.Time) {
	a.Status = status
	code, message := accountCodes[status], "Midtrans account_linked notification"
	word := "account_linked"
	if status == accountDisabled {
		word, message = "account_unlinked", "Midtrans account_unlinked notification"
	}
	body := map[string]any{
		"account_id": a.ID, "merchant_id": merchantID, "payment_type": "gopay", "status_code": code, "account_status": status,
		"status_message": message,
	}
	signAccount(body, s.serverKey)
	s.tell(s.accountURL, simkit.Sent{Ref: a.ID, Word: word, Body: encode(body), Due: now})
}

// signAccount adds the signature of a notification about an account, which is
// likely but not documented.
func signAccount(body map[string]any, serverKey string) {
	body["signature_key"] = signature(text(body, "account_id"), text(body, "account_status"), text(body, "status_code"), serverKey)
}
