package gatewaytest

import (
	"fmt"
	"sync"

	"github.com/lunaspay/lunas/payments"
)

var concurrencyCases = []testCase{
	{"many goroutines use a gateway at once", func(c *checker) {
		c.rule("implementations must be safe for concurrent use")
		const many = 12
		c.open("order-shared")
		c.do("order-shared", pay)
		sent, shared := c.latest()
		errs := make([]error, many)
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() { errs[i] = c.oneOfMany(fmt.Sprintf("order-%d", i), sent.Body, shared, sent.Header) })
		}
		wg.Wait()
		for i, err := range errs {
			c.ok(err, fmt.Sprintf("goroutine %d", i))
		}
		paid := map[string]bool{}
		for _, s := range c.Take() {
			if n, err := c.read(s); err == nil && has(n.Observation, money...) {
				paid[n.Ref] = true
			}
		}
		if len(paid) != many {
			c.failf("%d of %d orders are told as paid", len(paid), many)
		}
	}},
}

func (c *checker) oneOfMany(ref string, body []byte, shared payments.Notification, header map[string][]string) error {
	if _, err := c.Gateway.Checkout(c.ctx, c.request(ref)); err != nil {
		return fmt.Errorf("checkout: %w", err)
	}
	if err := c.Pay(ref); err != nil {
		return fmt.Errorf("pay: %w", err)
	}
	n, err := c.Gateway.ReadNotification(payments.RawNotification{Header: header, Body: body})
	if err != nil || telling(n.Observation) != telling(shared.Observation) {
		return fmt.Errorf("read: got %v, %w", n.Facts, err)
	}
	if reader, ok := payments.As[payments.StatusReader](c.Gateway); ok {
		o, err := reader.Status(c.ctx, payments.AttemptRef{Ref: ref, Amount: price})
		if err != nil {
			return fmt.Errorf("status: %w", err)
		}
		if o.Ref != ref || !has(o, money...) {
			return fmt.Errorf("status: got %v of %s", o.Facts, o.Ref)
		}
	}
	return nil
}
