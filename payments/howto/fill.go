package howto

import (
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// Fill returns the way with what the instructions say in its steps:
// {va_number}, {biller_code}, {bill_key}, {payment_code} and {amount}.
// Where one is empty, the step speaks of it in general ("your virtual account
// number"), so that the steps can be shown before there is a number, and never
// show a brace.
func (w Way) Fill(i payments.Instructions) Way {
	values := map[string]string{
		"va_number": i.VANumber, "biller_code": i.BillerCode, "bill_key": i.BillKey, "payment_code": i.Code,
	}
	if i.Amount.Amount > 0 {
		values["amount"] = i.Amount.String()
	}
	var pairs []string
	for name, general := range load().general {
		value := values[name]
		if value == "" {
			value = general.in(w.language)
		}
		pairs = append(pairs, "{"+name+"}", value)
	}
	replacer := strings.NewReplacer(pairs...)
	steps := make([]string, len(w.Steps))
	for n, step := range w.Steps {
		steps[n] = replacer.Replace(step)
	}
	w.Steps = steps
	return w
}
