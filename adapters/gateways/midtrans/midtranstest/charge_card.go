package midtranstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/lunaspay/lunas/payments"
)

// cardToken stands for a test card. One of the browser is good for one
// charge; a saved one for any number.
type cardToken struct {
	Number string `json:"number"`
	Saved  bool   `json:"saved,omitempty"`
	Used   bool   `json:"used,omitempty"`
}

// badToken is what Midtrans says of a token that it does not take.
const badToken = "Token id is missing, invalid, or timed out"

// useToken spends a token; nil if it is none, or was used.
func (s *Server) useToken(id string) *cardToken {
	token := s.state.Tokens[id]
	if token == nil || token.Used {
		return nil
	}
	token.Used = !token.Saved
	return token
}

// chargeCard asks the holder by 3-D Secure, or the bank at once.
func (s *Server) chargeCard(t *Transaction, r chargeRequest, token *cardToken, now time.Time) reply {
	if err := t.useCard(token.Number); err != nil {
		return coreInternal()
	}
	if r.CreditCard.Bank != "" {
		t.Keys["bank"] = r.CreditCard.Bank
	}
	if r.CreditCard.InstallmentTerm > 0 {
		t.Keys["installment_term"] = r.CreditCard.InstallmentTerm
	}
	if points := r.CreditCard.Points; points != 0 {
		if points < 0 || points > t.Amount() {
			points = t.Amount()
		}
		t.Keys["point_redeem_amount"] = points
	}
	if bins := r.CreditCard.BINs; len(bins) > 0 && !slices.ContainsFunc(bins, func(bin string) bool { return strings.HasPrefix(t.Card, bin) }) {
		s.move(t, "deny", "accept", now)
		return s.cardAnswer(t, "202", "Transaction is denied: the card's BIN is not among those that are taken")
	}
	if r.CreditCard.SaveTokenID {
		t.Keys["saved_token_id"], t.Keys["saved_token_id_expired_at"] = s.saveCard(t.Card), wibTime(now.Add(365*day))
	}
	if r.CreditCard.Authentication && t.asks() {
		return s.cardAnswer(t, "201", "Success, Credit Card transaction is successful")
	}
	if err := s.charge(t, now); err != nil {
		return coreInternal()
	}
	return s.verdictAnswer(t)
}

// verdictAnswer is the answer to a charge that the bank has decided.
func (s *Server) verdictAnswer(t *Transaction) reply {
	switch {
	case t.is("deny") && t.Fraud == "deny":
		return s.cardAnswer(t, "202", "Denied by Fraud Detection System")
	case t.is("deny"):
		return s.cardAnswer(t, "202", fmt.Sprintf("Deny by Bank [%s] with code [%s] and message [%s]", strings.ToUpper(text(t.Keys, "bank")),
			text(t.Keys, "channel_response_code"), text(t.Keys, "channel_response_message")))
	case t.challenged():
		return s.cardAnswer(t, "201", "Success, Credit Card transaction is challenged by Fraud Detection System")
	}
	return s.cardAnswer(t, "200", "Success, Credit Card transaction is successful")
}

func (s *Server) cardAnswer(t *Transaction, code, message string) reply {
	body := s.base(t, code, message)
	for key, value := range t.Keys {
		body[key] = value
	}
	body["on_us"] = false
	if term, ok := body["installment_term"]; ok { // a text here, and a number in notifications
		body["installment_term"] = fmt.Sprint(term)
	}
	if t.is("pending") {
		delete(body, "fraud_status")
		delete(body, "bank")
		body["three_ds_version"] = "2"
		body["redirect_url"] = s.URL + "/v2/3ds/redirect/" + t.ID
	}
	out := answer(http.StatusOK, body)
	out.success = !t.is("deny")
	return out
}

// FinishThreeDS is the holder at the bank's page of a card charge: he knows
// the password, or fails.
func (s *Server) FinishThreeDS(ref string, knows bool) error {
	return s.from(ref, []string{"pending"}, func(t *Transaction, now time.Time) error {
		if t.Card == "" {
			return fmt.Errorf("midtranstest: order %q is not paid by card", ref)
		}
		if !knows {
			s.move(t, "deny", t.Fraud, now)
			return nil
		}
		return s.charge(t, now)
	})
}

// CardToken makes a token of a test card, as Midtrans's script in the browser
// does.
func (s *Server) CardToken(number string) (string, error) {
	c, err := cardNumbered(number)
	if err != nil {
		return "", err
	}
	var id string
	err = s.change(func(time.Time) error {
		id = s.newToken(c)
		return nil
	})
	return id, err
}

func (s *Server) newToken(c card) string {
	id := c.masked() + "-" + uuid.NewString()
	s.state.Tokens[id] = &cardToken{Number: c.number}
	return id
}

// saveCard makes a token that is good for any number of charges.
func (s *Server) saveCard(number string) string {
	id := number[:8] + strings.ReplaceAll(uuid.NewString(), "-", "")[:20] + number[len(number)-4:]
	s.state.Tokens[id] = &cardToken{Number: number, Saved: true}
	return id
}

// tokenCall is GET /v2/token, with the client key in its query.
func (s *Server) tokenCall(r *http.Request, _ []byte) reply {
	q := r.URL.Query()
	var out reply
	err := s.change(func(now time.Time) error {
		number := q.Get("card_number")
		if saved := s.state.Tokens[q.Get("token_id")]; saved != nil && saved.Saved { // two clicks
			number = saved.Number
		} else if problems := cardProblems(q.Get("card_number"), q.Get("card_exp_month"), q.Get("card_exp_year"), now); len(problems) > 0 {
			out = tokenInvalid(problems...)
			return nil
		}
		if cvv := q.Get("card_cvv"); len(cvv) < 3 || len(cvv) > 4 {
			out = tokenInvalid("card_cvv is not valid")
			return nil
		}
		c, err := cardNumbered(number)
		if err != nil {
			out = tokenInvalid("card_number is not one of the sandbox's test cards")
			return nil
		}
		out = answer(http.StatusOK, map[string]any{
			"status_code": "200", "status_message": "Credit card token is created as Token ID.", "token_id": s.newToken(c), "hash": c.masked() + "-mami",
		})
		return nil
	})
	if err != nil {
		return coreInternal()
	}
	return out
}

// registerCall is GET /v2/card/register.
func (s *Server) registerCall(r *http.Request, _ []byte) reply {
	q := r.URL.Query()
	var out reply
	err := s.change(func(now time.Time) error {
		if problems := cardProblems(q.Get("card_number"), q.Get("card_exp_month"), q.Get("card_exp_year"), now); len(problems) > 0 {
			out = tokenInvalid(problems...)
			return nil
		}
		c, err := cardNumbered(q.Get("card_number"))
		if err != nil {
			out = tokenInvalid("card_number is not one of the sandbox's test cards")
			return nil
		}
		out = answer(http.StatusOK, map[string]any{
			"status_code": "200", "saved_token_id": s.saveCard(c.number), "transaction_id": uuid.NewString(), "masked_card": c.masked(),
		})
		return nil
	})
	if err != nil {
		return coreInternal()
	}
	return out
}

// tokenInvalid comes with HTTP 200, unlike that of other calls.
func tokenInvalid(problems ...string) reply {
	out := invalid(problems...)
	out.Status = http.StatusOK
	return out
}

func cardProblems(number, month, year string, now time.Time) []string {
	var problems []string
	number = strings.ReplaceAll(number, " ", "")
	switch {
	case number == "":
		problems = append(problems, "card_number is required")
	case !luhn(number):
		problems = append(problems, "card_number does not match with luhn algorithm")
	}
	m, err := strconv.Atoi(month)
	if err != nil || m < 1 || m > 12 {
		problems = append(problems, "card_exp_month is not valid")
	}
	y, err := strconv.Atoi(year)
	if err != nil || y < now.Year() || y == now.Year() && m < int(now.Month()) {
		problems = append(problems, "card_exp_year is not valid, or the card has expired")
	}
	return problems
}

// luhn is the check digit of card numbers.
func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		digit := int(number[len(number)-1-i] - '0')
		if digit < 0 || digit > 9 {
			return false
		}
		if i%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return len(number) >= 12 && sum%10 == 0
}

// binCall is GET /v1/bins/{bin}.
func (s *Server) binCall(r *http.Request, _ []byte) reply {
	bin := r.PathValue("bin")
	i := slices.IndexFunc(cards, func(c card) bool { return len(bin) >= 6 && strings.HasPrefix(c.number, bin) })
	if i < 0 {
		return answer(http.StatusNotFound, map[string]any{"errors": []any{map[string]any{"message_title": "not found", "message": "not found"}}})
	}
	brand, _, _ := strings.Cut(cards[i].brand, ",")
	return answer(http.StatusOK, map[string]any{"data": map[string]any{
		"bin": bin, "brand": strings.ToUpper(brand), "bin_type": "CREDIT", "bin_class": "GOLD", "bank": "BANK NEGARA INDONESIA",
		"bank_code": "BNI", "country_name": "INDONESIA", "country_code": "ID", "channel": "online_offline", "registration_required": false,
	}})
}

// pointsCall is GET /v2/point_inquiry/{id}.
func (s *Server) pointsCall(r *http.Request, _ []byte) reply {
	var out reply
	err := s.change(func(now time.Time) error {
		if s.state.Tokens[r.PathValue("id")] == nil {
			out = coreError(http.StatusOK, "411", badToken)
			return nil
		}
		out = answer(http.StatusOK, map[string]any{
			"status_code": "200", "status_message": "Success, Credit Card Point inquiry is successful",
			"transaction_time": wibTime(now), "point_balance_amount": "10000.00",
		})
		return nil
	})
	if err != nil {
		return coreInternal()
	}
	return out
}

// captureCall is POST /v2/capture.
func (s *Server) captureCall(r *http.Request, raw []byte) reply {
	var request struct {
		TransactionID string          `json:"transaction_id"`
		Gross         json.RawMessage `json:"gross_amount"`
	}
	if decodeNumbers(raw, &request) != nil {
		return malformed(http.StatusBadRequest)
	}
	if request.TransactionID == "" {
		return invalid("transaction_id is required")
	}
	r.SetPathValue("id", request.TransactionID)
	return s.action(func(t *Transaction, _ []byte, now time.Time) reply {
		if !t.is("authorize") || t.challenged() {
			return wrongState()
		}
		amount := payments.IDR(t.Amount())
		if len(request.Gross) > 0 && string(request.Gross) != "null" {
			var err error
			if amount, err = payments.ParseMoneyJSON(request.Gross, payments.Rupiah); err != nil {
				return invalid("gross_amount is not a number")
			}
		}
		if amount.Amount < 1 || amount.Amount > t.Amount() || t.PreAuth && amount.Amount != t.Amount() {
			return invalid("gross_amount must not exceed what was authorized")
		}
		t.Gross, t.PaidAt = decimal(amount.Amount), now
		s.move(t, "capture", t.Fraud, now)
		message := "Success, Credit Card capture transaction is successful"
		if t.PreAuth {
			message = "Success, GoPay capture transaction is successful"
		}
		return s.done(t, "200", message)
	})(r, raw)
}
