package midtrans

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// charge makes a transaction of the Core API. Asked again with the same Ref
// within five minutes, Midtrans gives the same answer; later, or of a channel
// that knows no Idempotency-Key, it says that the order id is used: the error
// wraps payments.ErrWrongState, and a look-up finds what there is.
func (g *Gateway) charge(ctx context.Context, r payments.CheckoutRequest, c channel) (payments.CheckoutResult, error) {
	extra, err := gatewaykit.ReadExtra[CoreExtra](r.Extra, "the Core API")
	if err != nil {
		return payments.CheckoutResult{}, err
	}
	if needs := c.needsToken() || given(extra.GoPay).AccountID != ""; needs && r.PaymentToken == "" {
		if err := g.chargedBefore(ctx, r); err != nil {
			return payments.CheckoutResult{}, err
		}
		return payments.CheckoutResult{}, payments.Invalid("payment_token", "is required: what stands for the card or the linked account")
	}
	body, err := extra.chargeBody(r, c)
	if err != nil {
		return payments.CheckoutResult{}, err
	}
	call := request{Op: "checkout", Method: http.MethodPost, URL: g.config.CoreURL + "/v2/charge", Body: body, Header: map[string]string{}}
	if r.NotificationURL != "" {
		call.Header["X-Override-Notification"] = r.NotificationURL
	}
	if c.trait&noKey == 0 {
		call.Header["Idempotency-Key"] = idempotencyKey("charge", r.Ref)
	}
	a, err := g.client.do(ctx, call)
	if err != nil {
		return payments.CheckoutResult{}, err
	}
	if !a.isOK() || !gatewaykit.IsID(a.Fields.Text("transaction_id"), maxTransactionID) || a.Fields.Text("transaction_status") == "" {
		refusal := g.client.refusal(call, a)
		switch a.code() {
		case "406":
			refusal.Err = payments.ErrWrongState
		case "404": // OVO does not know the phone number
			refusal.Err = nil
		}
		return payments.CheckoutResult{}, refusal
	}
	o, err := g.readStatus(a.Fields)
	if err != nil {
		return payments.CheckoutResult{}, &payments.GatewayError{
			Gateway: g.config.Name, Op: call.Op, HTTPStatus: a.Status, Retry: true,
			Err: errors.Join(payments.ErrOutcomeUnknown, err),
		}
	}
	if err := g.tellCard(ctx, r.Ref, a.Fields); err != nil { // not lost: the notification brings it once more
		g.config.Logger.WarnContext(ctx, "a saved card was not taken; it is told again", "ref", r.Ref, "error", err)
	}
	if r.Repeat && o.Instructions != nil {
		// For five minutes Midtrans repeats its first answer, whatever came of it.
		now, err := g.Status(ctx, payments.AttemptRef{Ref: r.Ref, TransactionID: o.TransactionID, Method: o.Method})
		if err == nil && now.Instructions == nil {
			return payments.CheckoutResult{}, &payments.GatewayError{Gateway: g.config.Name, Op: call.Op, Err: payments.ErrWrongState}
		}
	}
	result := payments.CheckoutResult{Observation: o}
	if o.Instructions != nil && isWebURL(o.Instructions.RedirectURL) {
		result.RedirectURL = o.Instructions.RedirectURL
	}
	return result, nil
}

func (c channel) needsToken() bool { return c.kind == payments.KindCard }

// chargedBefore finds what was charged by a token that nobody has any more:
// the answer was lost. nil if there is nothing.
func (g *Gateway) chargedBefore(ctx context.Context, r payments.CheckoutRequest) error {
	if !r.Repeat {
		return nil
	}
	_, err := g.Status(ctx, payments.AttemptRef{Ref: r.Ref})
	switch {
	case err == nil:
		return &payments.GatewayError{Gateway: g.config.Name, Op: "checkout", Err: payments.ErrWrongState}
	case errors.Is(err, payments.ErrNotFound):
		return nil
	}
	return err
}

// chargeBody makes the request's body. Its error is an *payments.InvalidError.
func (x *CoreExtra) chargeBody(r payments.CheckoutRequest, ch channel) (map[string]any, error) {
	var c checker
	checkRequest(&c, r)
	items := x.ItemDetails
	if items == nil {
		items = itemsOf(r.Order)
		checkSum(&c, "amount", items, r.Order.Amount)
	} else {
		checkItems(&c, items)
		checkSum(&c, "extra.item_details", items, r.Order.Amount)
	}
	customer := customerOf(r.Order.User, x.CustomerDetails)
	if customer != nil {
		customer.check(&c)
	}
	checkFields(&c, x.CustomField1, x.CustomField2, x.CustomField3, x.Metadata)

	paymentType, _, _ := strings.Cut(string(ch.method), "/")
	body := map[string]any{
		"payment_type":        paymentType,
		"transaction_details": transactionDetails{OrderID: r.Ref, GrossAmount: r.Order.Amount.Amount},
	}
	set := func(name string, value any, given bool) {
		if given {
			body[name] = value
		}
	}
	set("item_details", items, len(items) > 0)
	set("customer_details", customer, customer != nil)
	set("custom_field1", x.CustomField1, x.CustomField1 != "")
	set("custom_field2", x.CustomField2, x.CustomField2 != "")
	set("custom_field3", x.CustomField3, x.CustomField3 != "")
	set("metadata", x.Metadata, len(x.Metadata) > 0)
	expiry := x.expiry(&c, r, ch)
	set("custom_expiry", expiry, expiry != nil)
	block := x.block(&c, r, ch)
	set(paymentType, block, block != nil)
	return body, c.Err()
}

// expiry is until when the payer may pay: as asked for, else until the
// payment's own end, within what the channel takes.
func (x *CoreExtra) expiry(c *checker, r payments.CheckoutRequest, ch channel) *CustomExpiry {
	if e := x.CustomExpiry; e != nil {
		if !isOneOf(strings.TrimSuffix(e.Unit, "s"), "second", "minute", "hour", "day") {
			c.Add("extra.custom_expiry.unit", "must be second, minute, hour or day")
		}
		if e.Duration < 1 {
			c.Add("extra.custom_expiry.expiry_duration", "must be at least 1")
		}
		if e.OrderTime != "" && parseTime(e.OrderTime).IsZero() {
			c.Add("extra.custom_expiry.order_time", "must look like %q", startTimeLayout)
		}
		return e
	}
	if ch.longest == 0 || r.ExpiresAt.IsZero() {
		return nil
	}
	start := r.Order.CreatedAt
	if start.IsZero() {
		start = time.Now()
	}
	least := shortest
	if ch.method == methodDANA {
		least = quarter
	}
	end := r.ExpiresAt
	if longest := start.Add(ch.longest); end.After(longest) {
		end = longest
	}
	if soonest := start.Add(least); end.Before(soonest) {
		end = soonest
	}
	e := expiryAt(c, start, end)
	return &CustomExpiry{OrderTime: e.StartTime, Duration: e.Duration, Unit: e.Unit}
}

// block is the channel's own part of the body, or nil.
func (x *CoreExtra) block(c *checker, r payments.CheckoutRequest, ch channel) any {
	paymentType, detail, _ := strings.Cut(string(ch.method), "/")
	description := cmp.Or(gatewaykit.Shorten(gatewaykit.Title(r.Order), 40), r.Ref)
	switch paymentType {
	case "credit_card":
		return x.cardBlock(c, r)
	case "mandiri_clickpay":
		return struct {
			TokenID string `json:"token_id"`
			MandiriClickpay
		}{r.PaymentToken, given(x.MandiriClickpay)}
	case "bank_transfer":
		t := given(x.BankTransfer)
		c.Digits("extra.bank_transfer.va_number", t.VANumber, 1, 18)
		return struct {
			Bank string `json:"bank"`
			BankTransfer
		}{detail, t}
	case "echannel":
		b := given(x.EChannel)
		c.Digits("extra.echannel.bill_key", b.BillKey, 6, 12)
		b.BillInfo1, b.BillInfo2 = cmp.Or(b.BillInfo1, "Payment"), cmp.Or(b.BillInfo2, gatewaykit.Shorten(description, 30))
		return b
	case "gopay":
		b := given(x.GoPay)
		if b.CallbackURL == "" && r.ReturnURL != "" {
			b.CallbackURL, b.EnableCallback = r.ReturnURL, b.AccountID == ""
		}
		if b.AccountID == "" {
			return b
		}
		return struct {
			Token string `json:"payment_option_token"`
			GoPayCharge
		}{r.PaymentToken, b}
	case "shopeepay":
		return back(x.ShopeePay, r)
	case "dana":
		return back(x.DANA, r)
	case "uob_ezpay":
		return back(x.UOBEzpay, r)
	case "qris":
		b := given(x.QRIS)
		if b.Acquirer != "" && !isOneOf(b.Acquirer, "gopay", "airpay shopee") {
			c.Add("extra.qris.acquirer", `must be "gopay" or "airpay shopee"`)
		}
		b.Acquirer = cmp.Or(b.Acquirer, "gopay")
		return b
	case "ovo":
		phone := cmp.Or(given(x.OVO).PayerPhoneNumber, r.Order.User.Phone)
		if phone == "" {
			c.Add("extra.ovo.payer_phone_number", "is required: the phone number of the payer's OVO account")
		}
		return OVO{PayerPhoneNumber: phone}
	case "cstore":
		b := given(x.CStore)
		c.Most("extra.cstore.alfamart_free_text_1", b.AlfamartFreeText1, 40)
		c.Most("extra.cstore.alfamart_free_text_2", b.AlfamartFreeText2, 40)
		c.Most("extra.cstore.alfamart_free_text_3", b.AlfamartFreeText3, 40)
		return struct {
			Store string `json:"store"`
			StoreTexts
		}{detail, b}
	case "bca_klikpay":
		b := given(x.BCAKlikPay)
		b.Description = cmp.Or(b.Description, description)
		return b
	case "bca_klikbca":
		b := given(x.BCAKlikBCA)
		c.Between("extra.bca_klikbca.user_id", b.UserID, 1, 255)
		b.Description = cmp.Or(b.Description, description)
		return b
	case "cimb_clicks":
		return CIMBClicks{cmp.Or(given(x.CIMBClicks).Description, description)}
	}
	return nil
}

// cardBlock charges the token, with 3-D Secure unless it is turned off.
func (x *CoreExtra) cardBlock(c *checker, r payments.CheckoutRequest) any {
	b := given(x.CreditCard)
	if b.Authentication == nil {
		b.Authentication = new(true)
	}
	if b.Type != "" && b.Type != "authorize" {
		c.Add("extra.credit_card.type", `must be "authorize" or empty`)
	}
	if b.CallbackType != "" && !isOneOf(b.CallbackType, "js_event", "form") {
		c.Add("extra.credit_card.callback_type", `must be "js_event" or "form"`)
	}
	if b.InstallmentTerm < 0 {
		c.Add("extra.credit_card.installment_term", "must not be negative")
	}
	if b.PointRedeemAmount < -1 {
		c.Add("extra.credit_card.point_redeem_amount", "must be -1, for all of it, or more")
	}
	return struct {
		TokenID string `json:"token_id"`
		CardCharge
	}{r.PaymentToken, b}
}

// back is where an app sends the payer: to the return URL if nothing else is
// said.
func back(w *Wallet, r payments.CheckoutRequest) Wallet {
	return Wallet{CallbackURL: cmp.Or(given(w).CallbackURL, r.ReturnURL)}
}

// given is what was set, or the zero value.
func given[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
