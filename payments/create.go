package payments

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CreateParams asks for a payment. Exactly one of PlanID, Items and Lines
// says what is bought.
type CreateParams struct {
	User EndUser `json:"-"`
	// PlanID is a plan of the catalogue.
	PlanID string `json:"plan_id,omitempty" validate:"max=64"`
	// Items are of the catalogue, which prices them.
	Items []Pick `json:"items,omitempty" validate:"max=100,dive"`
	// Lines are priced by the host's own code.
	Lines []Line `json:"lines,omitempty" validate:"max=100"`
	// Method limits the payer to one way to pay; empty leaves the choice.
	Method Method `json:"method,omitempty" validate:"max=64,printascii"`
	// PaymentToken stands for the payer's card or wallet, for a Method that
	// needs one: see AttemptParams. Only [Service.Checkout] uses it.
	PaymentToken string `json:"-" validate:"max=255,printascii"`
	// Reference is the host's own order id.
	Reference string `json:"reference,omitempty" validate:"max=128"`
	// Metadata travels to hooks: at most 20 entries, keys up to 40
	// characters, values up to 500.
	Metadata map[string]string `json:"metadata,omitempty" validate:"max=20,dive,keys,min=1,max=40,endkeys,max=500"`
	// Key makes a repeat safe: the same key and request give the same
	// payment, however often. Keys are the user's own and never expire.
	Key string `json:"-" validate:"max=255,printascii"`
	// ReturnURL is where the payer is sent afterwards; it must be allowed by
	// Config.ReturnURLs. Empty: the first of these.
	ReturnURL string `json:"return_url,omitempty" validate:"max=2000"`
	// ExpiresIn is how long the payer has; default Config.ExpiresIn.
	ExpiresIn time.Duration `json:"expires_in,omitempty"`
	// Extra holds options of the gateway's own, e.g. midtrans.SnapExtra.
	Extra any `json:"extra,omitempty"`

	gift        bool   // Grant: the price is waived
	fingerprint string // of an HTTP request; else that of these fields
	renews      *Renews
	renewal     string // the number of the invoice
}

// Create stores a payment, status created, and calls no gateway: [Service.Attempt]
// does. A free one is settled at once.
//
// With a Key, a repeat returns the payment that is there; ErrKeyReused if it
// was for something else. A free plan is granted once per user: asking again
// returns the payment of the first time.
//
// Errors: *InvalidError; ErrNotFound (wrapped) for an unknown plan or item.
func (s *Service) Create(ctx context.Context, params CreateParams) (*Payment, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	p, err := s.create(ctx, s.store, params)
	if err != nil {
		return nil, err
	}
	return s.settleFree(ctx, s.store, p)
}

func (s *Service) create(ctx context.Context, store Store, params CreateParams) (*Payment, error) {
	order, err := s.price(ctx, params)
	if err != nil {
		return nil, err
	}
	returnURL, err := s.returnURL(params.ReturnURL)
	if err != nil {
		return nil, err
	}
	fingerprint, err := params.digest()
	if err != nil {
		return nil, err
	}
	var ref Ref // none: always a new payment
	onceOnly := order.Amount.IsZero() && order.Plan != nil && !params.gift
	switch {
	case onceOnly:
		ref = Ref{Kind: RefFree, Scope: userScope(params.User), Value: order.Plan.key()}
	case params.renews != nil:
		ref = Ref{Kind: RefRenewal, Scope: string(params.renews.PaymentID), Value: params.renewal}
	case params.Key != "":
		ref = ByKey(params.User, params.Key)
	}
	if err := s.checkExtras(params.Extra); err != nil {
		return nil, err
	}
	extra, err := marshalExtra(params.Extra)
	if err != nil {
		return nil, err
	}
	order.Renews = params.renews
	p := &Payment{
		Order: order, Key: params.Key, Fingerprint: fingerprint, ReturnURL: returnURL, Method: params.Method, Extra: extra,
	}
	return s.update(ctx, store, ref, func(u *unit) error {
		if u.p != nil {
			if !onceOnly && u.p.Fingerprint != fingerprint {
				return fmt.Errorf("create payment: %w", ErrKeyReused)
			}
			return nil
		}
		u.p = p.Clone()
		u.p.CreatedAt, u.p.ExpiresAt = u.at, stamp(u.at.Add(cmp.Or(params.ExpiresIn, s.cfg.ExpiresIn)))
		if ref != (Ref{}) {
			u.change.Refs = []Ref{ref}
		}
		u.p.show(u.p.look())
		u.tell(EventCreated, "life/created", &Created{})
		if r := params.renews; r != nil {
			u.p.skipReminders(u.at) // this is one
			u.tell(EventRenewalDue, "renewal/due", &RenewalDue{EndsAt: r.EndsAt})
		}
		return nil
	})
}

// settleFree settles a payment of nothing. It is an Update of its own, as the
// claim is locked only with a payment that exists; a crash in between is
// healed by the payment's timer.
func (s *Service) settleFree(ctx context.Context, store Store, p *Payment) (*Payment, error) {
	if !p.Amount.IsZero() || p.Facts.has(FactFree) {
		return p, nil
	}
	return s.update(ctx, store, ByID(p.ID), func(u *unit) error {
		u.learn(Fact{Kind: FactFree})
		return nil
	})
}

// price reads the catalogue and builds the order. The prices are the
// server's; nothing of the kind comes from a request.
func (s *Service) price(ctx context.Context, params CreateParams) (Order, error) {
	if err := validate(params); err != nil {
		return Order{}, err
	}
	if params.ExpiresIn < 0 || params.ExpiresIn != 0 && params.ExpiresIn < time.Minute {
		return Order{}, Invalid("expires_in", "at least a minute")
	}
	o := Order{ID: NewID(), Reference: params.Reference, User: params.User, Metadata: params.Metadata}
	switch given := count(params.PlanID != "", len(params.Items) > 0, len(params.Lines) > 0); {
	case given == 0:
		return Order{}, Invalid("plan_id", "a plan_id or items are required")
	case given > 1:
		return Order{}, Invalid("plan_id", "give either a plan_id or items, not both")
	}
	if params.PlanID != "" {
		plan, err := s.cfg.Catalog.Plan(ctx, params.User.Tenant, params.PlanID)
		if err != nil {
			return Order{}, notFoundField("plan_id", err)
		}
		if err := plan.check(); err != nil {
			return Order{}, fmt.Errorf("catalogue: plan %q: %w", plan.ID, err)
		}
		o.Plan, o.Amount = &plan, plan.Price
		if params.gift {
			o.Amount.Amount = 0
		}
		return o, nil
	}
	o.Lines = slices.Clone(params.Lines)
	for i, pick := range params.Items {
		item, err := s.cfg.Catalog.Item(ctx, params.User.Tenant, pick.ID)
		if err != nil {
			return Order{}, notFoundField(fmt.Sprintf("items[%d].id", i), err)
		}
		if err := item.check(); err != nil {
			return Order{}, fmt.Errorf("catalogue: item %q: %w", pick.ID, err)
		}
		o.Lines = append(o.Lines, Line{Item: item, Quantity: pick.Quantity})
	}
	return o, o.sum()
}

// sum adds up the lines.
func (o *Order) sum() error {
	o.Amount = Money{Currency: o.Lines[0].Price.Currency}
	for i, l := range o.Lines {
		field := fmt.Sprintf("lines[%d]", i)
		if l.ID == "" || l.Name == "" || l.Price.Currency == "" || l.Quantity < 1 {
			return Invalid(field, "needs an id, a name, a price with a currency and a quantity of at least 1")
		}
		part, err := l.Price.Times(l.Quantity)
		if err == nil {
			o.Amount, err = o.Amount.Add(part)
		}
		if err != nil {
			return Invalid(field, "%s", err)
		}
	}
	if o.Amount.Amount < 0 {
		return Invalid("lines", "the sum is negative")
	}
	return nil
}

// notFoundField says which field named something that is not for sale;
// other failures of the catalogue stay what they are.
func notFoundField(field string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return Invalid(field, "is not for sale")
	}
	return fmt.Errorf("catalogue: %w", err)
}

func count(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		n += btoi(c)
	}
	return n
}

// digest tells whether two requests under one key ask for the same.
func (params CreateParams) digest() (string, error) {
	if params.fingerprint != "" {
		return params.fingerprint, nil
	}
	return digest(params, strconv.FormatBool(params.gift))
}

// digest tells requests apart.
func digest(request any, more string) (string, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return "", Invalid("extra", "cannot be encoded: %s", err)
	}
	sum := sha256.Sum256(append(raw, more...))
	return hex.EncodeToString(sum[:]), nil
}

func marshalExtra(extra any) (json.RawMessage, error) {
	if extra == nil {
		return nil, nil
	}
	raw, err := json.Marshal(extra)
	if err != nil {
		return nil, Invalid("extra", "cannot be encoded: %s", err)
	}
	if len(raw) > 16<<10 {
		return nil, Invalid("extra", "is larger than 16 KiB")
	}
	return raw, nil
}

// returnURL checks that a payer may be sent to raw.
func (s *Service) returnURL(raw string) (string, error) {
	if raw == "" {
		if len(s.cfg.ReturnURLs) > 0 {
			return s.cfg.ReturnURLs[0], nil
		}
		return "", nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || strings.ContainsAny(raw+u.Path, "\\\r\n\t") {
		return "", Invalid("return_url", "is not a URL that this shop returns to")
	}
	for _, allowed := range s.cfg.ReturnURLs {
		a, err := url.Parse(allowed)
		if err != nil || u.Scheme != a.Scheme || u.Host != a.Host {
			continue
		}
		path := strings.TrimRight(a.Path, "/")
		below := u.Path == a.Path || u.Path == path || strings.HasPrefix(u.Path, path+"/")
		if below && !slices.Contains(strings.Split(u.Path, "/"), "..") {
			return u.String(), nil
		}
	}
	return "", Invalid("return_url", "is not a URL that this shop returns to")
}
