package midtranstest

import (
	"encoding/json"
	"regexp"
	"strconv"
	"time"
)

const (
	// longestInterval and longestMetadata: the first is the simulator's, the
	// second Midtrans's.
	longestInterval = 1000
	longestMetadata = 1024
	mostRetries     = 3
	subscriptionAt  = "subscription."
)

var wholeAmount = regexp.MustCompile(`^[0-9]{1,15}$`)

// readSubscription decodes and checks a request of now.
func readSubscription(raw []byte, now time.Time) (*subscription, []string) {
	var request map[string]any
	if decodeNumbers(raw, &request) != nil || request == nil {
		return nil, []string{"Invalid JSON data provided."}
	}
	c := &checker{}
	now = now.Truncate(time.Second) // Midtrans's times have no fractions
	sub := &subscription{CreatedAt: now, Active: true}
	sub.Name = c.name(request, true)
	sub.Amount, sub.Token = c.charged(request)
	sub.PaymentType = text(request, "payment_type")
	switch sub.PaymentType {
	case "credit_card":
	case "gopay":
		account, _ := request["gopay"].(map[string]any)
		c.text(account, subscriptionAt+"gopay.", "account_id", 64, true)
		sub.AccountID = text(account, "account_id")
	case "":
		c.add("subscription.payment_type is required")
	default:
		c.add("subscription.payment_type must be credit_card or gopay")
	}
	sub.Schedule = c.schedule(request, now)
	sub.Retry = c.retrySchedule(request)
	sub.Metadata = c.object(request, "metadata")
	if len(sub.Metadata) >= longestMetadata {
		c.add("subscription.metadata too long")
	}
	c.customer(request["customer_details"])
	sub.Customer = c.object(request, "customer_details")
	return sub, c.problems
}

// name checks the name, which order_ids begin with.
func (c *checker) name(request map[string]any, required bool) string {
	c.text(request, subscriptionAt, "name", 40, required)
	name := text(request, "name")
	if name != "" && !orderIDForm.MatchString(name) {
		c.add("subscription.name contains characters other than letters, digits, - _ ~ .")
	}
	return name
}

// charged checks what an update must state, too. The amount is a text, or a
// number as Midtrans's Go SDK sends it.
func (c *checker) charged(request map[string]any) (amount int64, token string) {
	digits := text(request, "amount")
	if n, ok := request["amount"].(json.Number); ok {
		digits = n.String()
	}
	switch {
	case request["amount"] == nil || request["amount"] == "":
		c.add("subscription.amount is required")
	case !wholeAmount.MatchString(digits):
		c.add("subscription.amount must be a number without decimals")
	default:
		if amount, _ = strconv.ParseInt(digits, 10, 64); amount < 1 {
			c.add("subscription.amount must be greater than 0")
		}
	}
	c.text(request, subscriptionAt, "currency", 3, true)
	if currency := text(request, "currency"); currency != "" && currency != "IDR" {
		c.add("subscription.currency must be IDR")
	}
	c.text(request, subscriptionAt, "token", 255, true)
	return amount, text(request, "token")
}

// object is a field that holds an object; nil if it is missing.
func (c *checker) object(in map[string]any, key string) json.RawMessage {
	switch value := in[key].(type) {
	case nil:
	case map[string]any:
		if raw, err := json.Marshal(value); err == nil { // it was JSON before
			return raw
		}
	default:
		if key != "customer_details" { // that one is checked elsewhere
			c.add("%s%s is not an object", subscriptionAt, key)
		}
	}
	return nil
}

// count is a required field that holds a number from least to most.
func (c *checker) count(in map[string]any, path, key string, least, most int64) int {
	n := c.integer(in, path, key)
	if n == nil {
		return 0
	}
	if !n.IsInt64() || n.Int64() < least || n.Int64() > most {
		c.add("%s%s must be between %d and %d", path, key, least, most)
		return 0
	}
	return int(n.Int64())
}

func (c *checker) schedule(request map[string]any, now time.Time) schedule {
	const at = subscriptionAt + "schedule."
	fields, _ := request["schedule"].(map[string]any)
	if fields == nil {
		c.add("subscription.schedule is required")
		return schedule{}
	}
	out := schedule{Interval: c.count(fields, at, "interval", 1, longestInterval), Unit: text(fields, "interval_unit"), StartAt: now}
	switch out.Unit {
	case "day", "week", "month":
	default:
		c.add("%sinterval_unit must be day, week or month", at)
	}
	if fields["max_interval"] != nil {
		if n := c.integer(fields, at, "max_interval"); n != nil && n.Sign() < 0 {
			c.add("%smax_interval must be greater than or equal to 0", at)
		} else if n != nil {
			most := n.Int64()
			out.Max = &most
		}
	}
	if out.Interval == 0 { // it cannot be counted on
		return out
	}
	out.Day = now.In(wib).Day()
	out.NextAt = out.after(now)
	if start := c.moment(fields, at, "start_time", now); !start.IsZero() {
		out.StartAt, out.NextAt, out.Day = start, start, start.In(wib).Day()
	}
	return out
}

// moment is a field that holds a time to come; zero if it is missing.
func (c *checker) moment(in map[string]any, path, key string, now time.Time) time.Time {
	if in[key] == nil || in[key] == "" {
		return time.Time{}
	}
	at, err := time.Parse(expiryLayout, text(in, key))
	switch {
	case err != nil || at.Year() >= 9000:
		c.add("%s%s format must be yyyy-MM-dd HH:mm:ss Z", path, key)
	case !at.After(now):
		c.add("%s%s must be after the current time", path, key)
	default:
		return at
	}
	return time.Time{}
}

func (c *checker) retrySchedule(request map[string]any) *retrySchedule {
	const at = subscriptionAt + "retry_schedule."
	if request["retry_schedule"] == nil {
		return nil
	}
	fields, _ := request["retry_schedule"].(map[string]any)
	out := &retrySchedule{
		Interval: c.count(fields, at, "interval", 1, longestInterval), Unit: text(fields, "interval_unit"),
		Max: c.count(fields, at, "max_interval", 0, mostRetries),
	}
	switch out.Unit {
	case "minute", "hour", "day":
	default:
		c.add("%sinterval_unit must be minute, hour or day", at)
	}
	return out
}

// updateSubscription is PATCH /v1/subscriptions/{id}. Of the schedule, only
// the interval changes; next_execution_at revives one that has ended.
func (s *Server) updateSubscription(sub *subscription, raw []byte, now time.Time) reply {
	var request map[string]any
	if decodeNumbers(raw, &request) != nil || request == nil {
		return badSubscription("Invalid JSON data provided.")
	}
	const at = subscriptionAt + "schedule."
	var c checker
	name := c.name(request, false)
	amount, token := c.charged(request)
	if kind := text(request, "payment_type"); kind != "" && kind != sub.PaymentType {
		c.add("subscription.payment_type cannot be changed")
	}
	fields, _ := request["schedule"].(map[string]any)
	interval := sub.Schedule.Interval
	if fields["interval"] != nil {
		interval = c.count(fields, at, "interval", 1, longestInterval)
	}
	next := c.moment(fields, at, "next_execution_at", now)
	if len(c.problems) > 0 {
		return badSubscription(c.problems...)
	}
	sub.Amount, sub.Token, sub.Schedule.Interval = amount, token, interval
	if name != "" {
		sub.Name = name
	}
	if !next.IsZero() {
		sub.Active, sub.Schedule.NextAt, sub.Schedule.Day = true, next, next.In(wib).Day()
		s.expectAt(sub.nextAt())
	}
	return subscriptionUpdated()
}
