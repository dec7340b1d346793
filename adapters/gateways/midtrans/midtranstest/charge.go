package midtranstest

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// chargeRequest is what the simulator uses of POST /v2/charge.
type chargeRequest struct {
	snapRequest
	PaymentType string `json:"payment_type"`
	CreditCard  struct {
		TokenID         string   `json:"token_id"`
		Authentication  bool     `json:"authentication"`
		Type            string   `json:"type"`
		Bank            string   `json:"bank"`
		SaveTokenID     bool     `json:"save_token_id"`
		InstallmentTerm int      `json:"installment_term"`
		BINs            []string `json:"bins"`
		Points          int64    `json:"point_redeem_amount"`
	} `json:"credit_card"`
	BankTransfer struct {
		Bank     string `json:"bank"`
		VANumber string `json:"va_number"`
	} `json:"bank_transfer"`
	EChannel struct {
		BillInfo1 string `json:"bill_info1"`
		BillInfo2 string `json:"bill_info2"`
		BillKey   string `json:"bill_key"`
	} `json:"echannel"`
	QRIS struct {
		Acquirer string `json:"acquirer"`
	} `json:"qris"`
	CStore struct {
		Store string `json:"store"`
	} `json:"cstore"`
	MandiriClickpay struct {
		Token string `json:"token"`
	} `json:"mandiri_clickpay"`
	OVO struct {
		Phone string `json:"payer_phone_number"`
	} `json:"ovo"`
	GoPay struct {
		CallbackURL string `json:"callback_url"`
		AccountID   string `json:"account_id"`
		Token       string `json:"payment_option_token"`
		PreAuth     bool   `json:"pre_auth"`
	} `json:"gopay"`
	CustomExpiry *customExpiry `json:"custom_expiry"`
}

type customExpiry struct {
	OrderTime string      `json:"order_time"`
	Duration  json.Number `json:"expiry_duration"` // or a text
	Unit      string      `json:"unit"`
}

// channel is the one that is charged, or nil.
func (r *chargeRequest) channel() *channel {
	name := r.PaymentType
	switch r.PaymentType {
	case "bank_transfer":
		name = cmp.Or(strings.ToLower(r.BankTransfer.Bank), "permata") + "_va"
	case "permata":
		name = "permata_va"
	case "cstore":
		name = strings.ToLower(r.CStore.Store)
	case "qris":
		name = "other_qris"
	}
	c := channelNamed(name)
	if c == nil || c.paymentType != r.PaymentType && r.PaymentType != "permata" {
		return nil
	}
	return c
}

// chargeCall is POST /v2/charge.
func (s *Server) chargeCall(r *http.Request, raw []byte) reply {
	var generic map[string]any
	var request chargeRequest
	if decodeNumbers(raw, &generic) != nil || generic == nil {
		return malformed(http.StatusBadRequest)
	}
	problems := check(generic)
	if json.Unmarshal(raw, &request) != nil { // a field of a wrong type
		if len(problems) > 0 {
			return invalid(problems...)
		}
		return malformed(http.StatusBadRequest)
	}
	c := request.channel()
	if request.PaymentType == "" {
		problems = append(problems, "payment_type is required")
	} else if c == nil {
		problems = append(problems, "payment_type is not supported")
	}
	if c != nil {
		problems = append(problems, request.check(generic, c)...)
	}
	if len(problems) > 0 {
		return invalid(problems...)
	}
	var out reply
	err := s.change(func(now time.Time) error {
		key := r.Header.Get("Idempotency-Key")
		if charges[c.name].noKey {
			key = ""
		}
		out = s.once(key, now, func() reply { return s.chargeNow(r, request, c, now) })
		return nil
	})
	if err != nil {
		return coreInternal()
	}
	return out
}

// check is what the Core API wants of a charge beyond what Snap wants.
func (r *chargeRequest) check(generic map[string]any, c *channel) []string {
	var problems []string
	rule := charges[c.name]
	if amount := r.amount(); amount < rule.least || rule.most > 0 && amount > rule.most {
		problems = append(problems, "transaction_details.gross_amount is out of range for "+r.PaymentType)
	}
	for _, block := range rule.needs {
		if generic[block] == nil {
			problems = append(problems, block+" is required")
		}
	}
	problems = append(problems, r.checkAccount()...)
	if r.PaymentType == "cstore" && r.CStore.Store == "" {
		problems = append(problems, "cstore.store is required")
	}
	if r.PaymentType == "ovo" && r.OVO.Phone == "" {
		problems = append(problems, "ovo.payer_phone_number is required")
	}
	if r.PaymentType == "credit_card" && r.CreditCard.TokenID == "" {
		problems = append(problems, "credit_card.token_id is required")
	}
	if c.name == "echannel" && generic["echannel"] != nil && (r.EChannel.BillInfo1 == "" || r.EChannel.BillInfo2 == "") {
		problems = append(problems, "echannel.bill_info1 and echannel.bill_info2 are required")
	}
	if a := r.QRIS.Acquirer; a != "" && a != "gopay" && a != "airpay shopee" {
		problems = append(problems, "qris.acquirer is not supported")
	}
	for field, n := range map[string]string{"bank_transfer.va_number": r.BankTransfer.VANumber, "echannel.bill_key": r.EChannel.BillKey} {
		if _, err := strconv.ParseUint(n, 10, 64); n != "" && (err != nil || len(n) > 18) {
			problems = append(problems, field+" must be numeric")
		}
	}
	if e := r.CustomExpiry; e != nil {
		if span := e.span(); span < cmp.Or(rule.shortest, 20*time.Second) || rule.longest > 0 && span > rule.longest {
			problems = append(problems, "custom_expiry.expiry_duration is out of range")
		}
		if e.OrderTime != "" {
			if at, err := time.Parse(expiryLayout, e.OrderTime); err != nil || at.Year() > 9000 {
				problems = append(problems, "custom_expiry.order_time format must be yyyy-MM-dd hh:mm:ss Z")
			}
		}
	}
	return problems
}

// span is zero for what is no length of time.
func (e *customExpiry) span() time.Duration {
	n, err := strconv.ParseInt(strings.Trim(e.Duration.String(), `"`), 10, 32)
	if err != nil {
		return 0
	}
	unit := cmp.Or(strings.TrimSuffix(e.Unit, "s"), "minute")
	length := units[unit]
	if unit == "second" {
		length = time.Second
	}
	if length == 0 || n > int64(math.MaxInt64/length) {
		return 0
	}
	return time.Duration(n) * length
}

// chargeNow makes the transaction. It stands on a page of its own, on which a
// person can pay it.
func (s *Server) chargeNow(r *http.Request, request chargeRequest, c *channel, now time.Time) reply {
	id := request.TransactionDetails.OrderID
	o := s.state.orders[id]
	if o != nil && o.taken() != nil {
		return coreError(http.StatusOK, "406", "The request could not be completed due to a conflict with the current state of the target resource, please try again")
	}
	if c.name == "ovo" && request.OVO.Phone == unregisteredPhone {
		return coreError(http.StatusOK, "404", "User with requested phone number doesn't exist")
	}
	var used *cardToken
	if c.name == "credit_card" {
		if used = s.useToken(request.CreditCard.TokenID); used == nil {
			return coreError(http.StatusOK, "411", badToken)
		}
	}
	var from *purse
	if request.byAccount() {
		var refused *reply
		if from, refused = s.purse(request.GoPay.AccountID, request.GoPay.Token, now); refused != nil {
			return *refused
		}
	}
	if o == nil {
		o = &Order{ID: id}
		s.state.orders[id] = o
		s.state.Orders = append(s.state.Orders, o)
	}
	request.Expiry = expiry{} // Snap's; here it is custom_expiry
	request.snapRequest.CreditCard.Type = request.CreditCard.Type
	request.Callbacks.Finish = request.GoPay.CallbackURL
	kept, err := json.Marshal(request.snapRequest)
	if err != nil { // it was JSON before
		return coreInternal()
	}
	p := &Page{
		Token: uuid.NewString(), OrderID: id, Request: kept, parsed: request.snapRequest, CreatedAt: now, ExpiresAt: now.Add(c.life), Charged: true,
		OverrideURLs: urlList(r.Header.Get("X-Override-Notification")), AppendURLs: urlList(r.Header.Get("X-Append-Notification")),
	}
	o.Pages = append(o.Pages, p)
	s.state.pages[p.Token] = p
	t := s.begin(p, c, now)
	if e := request.CustomExpiry; e != nil && charges[c.name].longest > 0 {
		from := now
		if at, err := time.Parse(expiryLayout, e.OrderTime); err == nil {
			from = at
		}
		t.ExpiresAt = from.Add(e.span())
		s.expect(t)
	}
	p.ExpiresAt = t.ExpiresAt
	request.wish(t, s.numberInUse)
	if used != nil {
		return s.chargeCard(t, request, used, now)
	}
	if from != nil {
		return s.chargeAccount(t, request, from, now)
	}
	s.notify(t, now)
	if c.name == "mandiri_clickpay" { // synchronous
		if request.MandiriClickpay.Token == deniedAnswer {
			s.move(t, "deny", t.Fraud, now)
			return s.charged(t, "202")
		}
		if err := s.pay(t, now); err != nil {
			return coreInternal()
		}
		return s.charged(t, "200")
	}
	return s.charged(t, "201")
}

// deniedAnswer is what a token device must not have answered, by the sandbox's
// list.
const deniedAnswer = "111111"

// unregisteredPhone is nobody's at OVO.
const unregisteredPhone = "+628249134000"

// wish grants the number that the merchant asked for, as Midtrans does: padded
// or cut to the bank's length, and another one if it is in use.
func (r *chargeRequest) wish(t *Transaction, inUse func(*Transaction, string) bool) {
	if t.Channel == "ovo" {
		t.Keys["payer_phone_number"] = r.OVO.Phone
	}
	if t.Channel == "other_qris" && r.QRIS.Acquirer != "" {
		t.Keys["acquirer"] = r.QRIS.Acquirer
	}
	wanted := cmp.Or(r.BankTransfer.VANumber, r.EChannel.BillKey)
	given := t.account()
	prefix := 6 // of the bank and the merchant
	if t.Channel == "echannel" {
		prefix = 0 // the whole key is the merchant's
	}
	if wanted == "" || len(given) <= prefix {
		return
	}
	own := len(given) - prefix
	if len(wanted) > own {
		wanted = wanted[:own]
	}
	number := given[:prefix] + strings.Repeat("0", own-len(wanted)) + wanted
	if !inUse(t, number) {
		t.setAccount(number)
	}
}

// numberInUse reports whether another waiting transaction has the number.
func (s *Server) numberInUse(of *Transaction, number string) bool {
	for _, t := range s.state.transactions {
		if t != of && t.is("pending") && t.account() == number {
			return true
		}
	}
	return false
}

func (t *Transaction) setAccount(number string) {
	switch t.Channel {
	case "permata_va":
		t.Keys["permata_va_number"] = number
	case "echannel":
		t.Keys["bill_key"] = number
	default:
		if list, ok := t.Keys["va_numbers"].([]any); ok && len(list) > 0 {
			if entry, ok := list[0].(map[string]any); ok {
				entry["va_number"] = number
			}
		}
	}
}

// charged is the answer to a charge.
func (s *Server) charged(t *Transaction, code string) reply {
	rule := charges[t.Channel]
	body := s.base(t, code, rule.message)
	for key, value := range t.Keys {
		body[key] = value
	}
	delete(body, "payment_amounts")
	if t.Channel != "credit_card" && t.Channel != "mandiri_clickpay" {
		body["expiry_time"] = wibTime(t.ExpiresAt)
	}
	page := func(kind string) string { return s.URL + "/v2/" + kind + "/redirect/" + t.ID }
	get := func(name, url string) map[string]any {
		return map[string]any{"name": name, "method": "GET", "url": url}
	}
	switch t.Channel {
	case "gopay":
		body["channel_response_code"], body["channel_response_message"] = "200", "Success"
		body["actions"] = []any{
			get("generate-qr-code", s.URL+"/v2/gopay/"+t.ID+"/qr-code"), get("deeplink-redirect", page("deeplink")),
			get("get-status", s.URL+"/v2/"+t.ID+"/status"),
			map[string]any{"name": "cancel", "method": "POST", "url": s.URL + "/v2/" + t.ID + "/cancel", "fields": []any{}},
		}
	case "shopeepay", "dana":
		body["channel_response_code"], body["channel_response_message"] = "0", "success"
		body["actions"] = []any{get("deeplink-redirect", page("deeplink"))}
	case "akulaku":
		body["channel_response_code"], body["channel_response_message"] = "", ""
	case "kredivo":
		body["channel_response_code"] = "OK"
	case "uob_ezpay":
		body["actions"] = []any{get("web-deeplink-redirect", page("deeplink")), get("mobile-deeplink-redirect", page("deeplink"))}
	case "other_qris":
		body["qr_string"] = qrText(t)
		body["actions"] = []any{get("generate-qr-code", s.URL+"/v2/qris/"+t.ID+"/qr-code")}
	}
	if rule.redirect != "" && t.is("pending") {
		body["redirect_url"] = page(rule.redirect)
	}
	return success(body)
}
