package midtrans

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// SavedCard is a card that a payer let the merchant save.
type SavedCard struct {
	// OrderID is the reference of the payment that it was saved with; see
	// payments.Session.Ref.
	OrderID string
	// Token charges it: a checkout's PaymentToken. Secret; it is not printed.
	Token string
	// Masked shows some digits: "48111111-1114".
	Masked    string
	ExpiresAt time.Time
}

// Format prints the card without its token, whatever the verb.
func (c SavedCard) Format(s fmt.State, _ rune) { _, _ = fmt.Fprintf(s, "{%s}", c.Masked) }

// accountNotice tells the host what a linked account is now.
func (g *Gateway) accountNotice(ctx context.Context, id string) error {
	if g.config.OnGoPayAccount == nil {
		return nil
	}
	account, err := g.GoPayAccount(ctx, id)
	if errors.Is(err, payments.ErrNotFound) {
		return nil // somebody made it up
	}
	if err != nil {
		return err
	}
	return g.config.OnGoPayAccount(ctx, account)
}

// cardNotice tells the host of a saved card. The signature does not cover the
// token, so it is taken from a look-up.
func (g *Gateway) cardNotice(ctx context.Context, ref, transactionID string) error {
	call, err := g.coreCall("status", http.MethodGet, payments.AttemptRef{Ref: ref, TransactionID: transactionID})
	if err != nil {
		return err
	}
	got, err := g.client.do(ctx, call)
	if err != nil {
		return err
	}
	if !got.isOK() {
		return g.client.refusal(call, got)
	}
	if got.Fields.Text("order_id") != ref { // there is none, or the message lied
		return nil
	}
	return g.tellCard(ctx, ref, got.Fields)
}

// tellCard tells the host of the card that was saved, if one was.
func (g *Gateway) tellCard(ctx context.Context, ref string, fields object) error {
	token := fields.Text("saved_token_id")
	if token == "" || g.config.OnSavedCard == nil {
		return nil
	}
	return g.config.OnSavedCard(ctx, SavedCard{
		OrderID: ref, Token: token, Masked: gatewaykit.Shorten(fields.Text("masked_card"), 30),
		ExpiresAt: parseTime(fields.Text("saved_token_id_expired_at")),
	})
}
