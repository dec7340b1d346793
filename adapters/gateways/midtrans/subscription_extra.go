package midtrans

import (
	"encoding/json"
	"regexp"
	"strconv"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// SubscriptionExtra is what a subscription takes beyond the request: pass it
// as its extra options. Unknown names are refused.
type SubscriptionExtra struct {
	// AccountID is the linked account that gopay charges; see
	// [Gateway.LinkGoPay]. Required for gopay, and for nothing else.
	AccountID string `json:"account_id,omitempty"`
	// RetrySchedule is when a charge that failed is tried again; unset: as
	// Midtrans likes.
	RetrySchedule *RetrySchedule `json:"retry_schedule,omitempty"`
	// MaxInterval ends the charges by itself; unset: they go on until
	// canceled. Midtrans says that 0 charges once.
	MaxInterval *int `json:"max_interval,omitempty"`
	// Metadata is a JSON object that comes back in notifications. The name
	// "ref" in it is Lunas's.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// RetrySchedule tries a failed charge MaxInterval times again, 0 to 3, each
// Interval after the one before. IntervalUnit is minute, hour or day.
type RetrySchedule struct {
	Interval     int    `json:"interval"`
	IntervalUnit string `json:"interval_unit"`
	MaxInterval  int    `json:"max_interval"`
}

const (
	maxRetries = 3
	// maxMetadata is Midtrans's, in bytes.
	maxMetadata = 1 << 10
	// maxSubscriptionName is what is read of a name, which may be longer than
	// ours if somebody else gave it.
	maxSubscriptionName = 40
)

// validSubscriptionRef: Midtrans takes longer names when it makes a
// subscription, but not when it updates one.
var validSubscriptionRef = regexp.MustCompile(`^[a-z0-9]{1,15}$`)

// check reports what breaks a rule that Midtrans states.
func (x *SubscriptionExtra) check(c *checker, method payments.Method) {
	switch {
	case method != "gopay" && x.AccountID != "":
		c.Add("extra.account_id", "is for gopay only")
	case method == "gopay" && !gatewaykit.IsID(x.AccountID, 64):
		c.Add("extra.account_id", "is required: the id of the linked account")
	}
	if r := x.RetrySchedule; r != nil {
		if r.Interval < 1 {
			c.Add("extra.retry_schedule.interval", "must be at least 1")
		}
		if !isOneOf(r.IntervalUnit, "minute", "hour", "day") {
			c.Add("extra.retry_schedule.interval_unit", "must be minute, hour or day")
		}
		if r.MaxInterval < 0 || r.MaxInterval > maxRetries {
			c.Add("extra.retry_schedule.max_interval", "must be 0 to %d", maxRetries)
		}
	}
	if x.MaxInterval != nil && *x.MaxInterval < 0 {
		c.Add("extra.max_interval", "must not be negative")
	}
}

// subscriptionBody is the body of POST /v1/subscriptions.
type subscriptionBody struct {
	subscriptionCharge
	PaymentType   string                     `json:"payment_type"`
	Schedule      subscriptionSchedule       `json:"schedule"`
	RetrySchedule *RetrySchedule             `json:"retry_schedule,omitempty"`
	Metadata      map[string]json.RawMessage `json:"metadata"`
	Customer      *CustomerDetails           `json:"customer_details,omitempty"`
	GoPay         *subscriptionAccount       `json:"gopay,omitempty"`
}

// subscriptionCharge is what each charge takes, and the whole body of an
// update.
type subscriptionCharge struct {
	Name     string `json:"name"`
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
	Token    string `json:"token"`
}

type subscriptionSchedule struct {
	Interval     int    `json:"interval"`
	IntervalUnit string `json:"interval_unit"`
	MaxInterval  *int   `json:"max_interval,omitempty"`
	StartTime    string `json:"start_time"`
}

type subscriptionAccount struct {
	AccountID string `json:"account_id"`
}

func chargedBy(c *checker, r payments.SubscriptionRequest) subscriptionCharge {
	if !validSubscriptionRef.MatchString(r.Ref) {
		c.Add("ref", "must be 1 to 15 small letters or digits")
	}
	if r.PaymentToken == "" {
		c.Add("payment_token", "is required: what stands for the card or the linked account")
	}
	checkRupiah(c, "amount", r.Amount)
	return subscriptionCharge{
		Name: r.Ref, Amount: strconv.FormatInt(r.Amount.Amount, 10), Currency: string(payments.Rupiah), Token: r.PaymentToken,
	}
}

// bodyOfSubscription makes the request's body. Its error is an
// *payments.InvalidError.
func bodyOfSubscription(r payments.SubscriptionRequest) (subscriptionBody, error) {
	extra, err := gatewaykit.ReadExtra[SubscriptionExtra](r.Extra, "a subscription")
	if err != nil {
		return subscriptionBody{}, err
	}
	var c checker
	b := subscriptionBody{subscriptionCharge: chargedBy(&c, r), PaymentType: string(r.Method), RetrySchedule: extra.RetrySchedule}
	if !isOneOf(b.PaymentType, "credit_card", "gopay") {
		c.Add("method", `must be "credit_card" or "gopay"`)
	}
	extra.check(&c, r.Method)
	if extra.AccountID != "" {
		b.GoPay = &subscriptionAccount{extra.AccountID}
	}
	b.Schedule = scheduleOf(&c, r)
	b.Schedule.MaxInterval = extra.MaxInterval
	b.Metadata = subscriptionMetadata(&c, r.Ref, extra.Metadata)
	b.Customer = customerOf(r.User, nil)
	return b, c.Err()
}

// scheduleOf always names the start: without one, Midtrans first charges when
// an interval has gone by.
func scheduleOf(c *checker, r payments.SubscriptionRequest) subscriptionSchedule {
	s := subscriptionSchedule{Interval: r.Every.Days, IntervalUnit: "day", StartTime: r.StartAt.In(wib).Format(startTimeLayout)}
	months := 12*r.Every.Years + r.Every.Months
	if months != 0 {
		s.Interval, s.IntervalUnit = months, "month"
	}
	negative := r.Every.Years < 0 || r.Every.Months < 0 || r.Every.Days < 0
	if negative || s.Interval < 1 || months != 0 && r.Every.Days != 0 {
		c.Add("every", "must be a number of days, or of months and years")
	}
	if parseTime(s.StartTime).IsZero() {
		c.Add("start_at", "is required: when the first charge is due")
	}
	return s
}

// subscriptionMetadata is the caller's, with our name in it for whoever looks
// at the dashboard.
func subscriptionMetadata(c *checker, ref string, given json.RawMessage) map[string]json.RawMessage {
	metadata := map[string]json.RawMessage{}
	if len(given) > 0 && json.Unmarshal(given, &metadata) != nil {
		c.Add("extra.metadata", "must be a JSON object")
	}
	if _, taken := metadata["ref"]; taken {
		c.Add("extra.metadata.ref", "is Lunas's")
	}
	if metadata == nil { // null
		metadata = map[string]json.RawMessage{}
	}
	metadata["ref"], _ = json.Marshal(ref) // a string cannot fail
	if data, err := json.Marshal(metadata); err != nil || len(data) >= maxMetadata {
		c.Add("extra.metadata", "must have less than %d bytes", maxMetadata)
	}
	return metadata
}
