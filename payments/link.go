package payments

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Link is a payment link: a page at the gateway by which any number of people
// may pay. Each who begins is a payment of its own, whose Order.LinkID is the
// link's ID.
type Link struct {
	// ID is also the reference that the gateway knows the link by.
	ID      string `json:"id"`
	Tenant  string `json:"tenant,omitempty"`
	Gateway string `json:"gateway"`
	// URL is the page; empty until the gateway has answered.
	URL   string `json:"url,omitempty"`
	Title string `json:"title,omitempty"`
	// Amount is what each payment is of; with a Max, the payer chooses from
	// Min to Max, and Amount is what the page suggests, if anything.
	Amount Money `json:"amount"`
	Min    Money `json:"min,omitzero"`
	Max    Money `json:"max,omitzero"`
	// UsageLimit is how often the gateway lets it be paid.
	UsageLimit int     `json:"usage_limit"`
	User       EndUser `json:"user,omitzero"`
	Plan       *Plan   `json:"plan,omitempty"`
	Lines      []Line  `json:"lines,omitempty"`
	// Reference and Metadata are those of each of its payments.
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Extra     json.RawMessage   `json:"extra,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	// ExpiresAt is when the page closes; zero: not by itself.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Refused is the gateway's final no, in its own words.
	Refused string `json:"refused,omitempty"`
	// DeletedAt is when the link was closed.
	DeletedAt time.Time `json:"deleted_at,omitzero"`
	// Fingerprint tells whether it is asked for again.
	Fingerprint string `json:"fingerprint"`
}

// LinkParams asks for a link. A PlanID, Items or Lines say what is paid for;
// or Title alone, beside an Amount or a range from Min to Max.
type LinkParams struct {
	// ID names the link and makes a repeat safe: the same ID and request give
	// the same link. Small letters, digits and dashes, at most 36; it may be
	// used once, even if the link is deleted. Empty: a new one.
	ID string
	// Tenant is the platform's project; empty in a single app.
	Tenant string
	// Title is shown above the bill.
	Title  string
	PlanID string
	Items  []Pick
	Lines  []Line
	// Amount is for a link with a Title only, or what a page with a range
	// suggests. Min and Max are the range in which the payer chooses.
	Amount, Min, Max Money
	// UsageLimit is how often it may be paid; default 1.
	UsageLimit int
	// User is whom it is for, if it is for one person: a plan needs one, who
	// then has its claim.
	User EndUser
	// Reference and Metadata are given to each of its payments.
	Reference string
	Metadata  map[string]string
	// ExpiresIn is how long the page is open; default: until it is used up.
	ExpiresIn time.Duration
	// ReturnURL is where payers are sent afterwards, as in CreateParams.
	ReturnURL string
	// Gateway is the name of the one that makes it; default: the first that can.
	Gateway string `json:",omitempty"`
	// Extra holds options of the gateway's own, e.g. midtrans.LinkExtra.
	Extra any
}

const recordLink RecordKind = "link"

var linkID = regexp.MustCompile(`^[a-z0-9-]{1,36}$`)

// CreateLink makes a payment link. It is stored before the gateway is asked: a
// payment by it finds it, even if the gateway's answer is lost. Asked again
// with the same ID, it asks the gateway only if that has not answered yet.
//
// Errors, beside the link if there is one: *InvalidError; ErrKeyReused if the
// ID was used for something else; ErrUnsupported if the gateway makes no
// links, or the store keeps no records; ErrOutcomeUnknown (wrapped): ask again
// with the link's ID.
func (s *Service) CreateLink(ctx context.Context, params LinkParams) (*Link, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	g, _, err := withAbility[Linker](s, params.Gateway, "links")
	if err != nil {
		return nil, err
	}
	asked, err := s.newLink(ctx, g.Name(), params)
	if err != nil {
		return nil, err
	}
	returnURL, err := s.returnURL(params.ReturnURL)
	if err != nil {
		return nil, err
	}
	link, err := s.updateLink(ctx, asked.ID, func(l *Link) (*Link, error) {
		switch {
		case l == nil:
			return asked, nil
		case l.Fingerprint != asked.Fingerprint || l.Tenant != asked.Tenant:
			return nil, fmt.Errorf("link %s: %w", asked.ID, ErrKeyReused)
		case !l.DeletedAt.IsZero():
			return nil, fmt.Errorf("link %s: %w: it was deleted", asked.ID, ErrWrongState)
		}
		return l, nil
	})
	if err != nil || link.URL != "" {
		return link, err
	}
	g, linker, err := withAbility[Linker](s, link.Gateway, "links") // it may have been another one's before
	if err != nil {
		return link, err
	}
	ctx = context.WithoutCancel(ctx)
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	url, callErr := linker.CreateLink(call, LinkRequest{
		Ref: link.ID, Title: link.Title, Amount: link.Amount, Min: link.Min, Max: link.Max, UsageLimit: link.UsageLimit,
		Plan: link.Plan, Lines: link.Lines, CreatedAt: link.CreatedAt, ExpiresAt: link.ExpiresAt,
		ReturnURL: returnURL, Extra: link.Extra,
	})
	recorded, err := s.updateLink(ctx, link.ID, func(l *Link) (*Link, error) {
		switch {
		case l == nil:
			return nil, fmt.Errorf("link %s: %w", link.ID, ErrNotFound)
		case callErr == nil:
			l.URL, l.Refused = url, ""
		case l.URL == "" && refusedFinally(callErr):
			l.Refused = clip(callErr.Error())
		}
		return l, nil
	})
	if err != nil {
		return link, fmt.Errorf("record the answer of %s: %w", g.Name(), errors.Join(err, callErr))
	}
	if callErr == nil && !recorded.DeletedAt.IsZero() { // it was deleted while it was made
		err := closeLink(ctx, linker, link.ID)
		return recorded, errors.Join(fmt.Errorf("link %s: %w: it was deleted", link.ID, ErrWrongState), err)
	}
	return recorded, callErr
}

// newLink checks what is asked for and prices it.
func (s *Service) newLink(ctx context.Context, gateway string, params LinkParams) (*Link, error) {
	if params.ID == "" {
		params.ID = string(NewID())
	}
	params.UsageLimit = cmp.Or(params.UsageLimit, 1)
	extra, err := marshalExtra(params.Extra)
	if err != nil {
		return nil, err
	}
	l := &Link{
		ID: params.ID, Tenant: params.Tenant, Gateway: gateway, Title: params.Title, Amount: params.Amount, Min: params.Min, Max: params.Max,
		UsageLimit: params.UsageLimit, User: params.User, Reference: params.Reference, Metadata: params.Metadata, Extra: extra, CreatedAt: s.now(),
	}
	switch {
	case !linkID.MatchString(l.ID):
		return nil, Invalid("id", "must be 1 to 36 small letters, digits or dashes")
	case l.UsageLimit < 1:
		return nil, Invalid("usage_limit", "must be at least 1")
	case params.ExpiresIn < 0 || params.ExpiresIn != 0 && params.ExpiresIn < time.Minute:
		return nil, Invalid("expires_in", "at least a minute")
	case l.User.ID != "" && l.User.Tenant != l.Tenant:
		return nil, Invalid("user.tenant", "is not the link's")
	case l.User.ID == "" && l.User != EndUser{}:
		return nil, Invalid("user.id", "is required")
	case l.User.ID == "" && params.PlanID != "":
		return nil, Invalid("user.id", "is required: a plan is somebody's")
	}
	l.User.Tenant = l.Tenant
	if params.ExpiresIn > 0 {
		l.ExpiresAt = stamp(l.CreatedAt.Add(params.ExpiresIn))
	}
	if err := s.priceLink(ctx, l, params); err != nil {
		return nil, err
	}
	l.Fingerprint, err = digest(params, "")
	return l, err
}

// priceLink says what each payer pays, and for what.
func (s *Service) priceLink(ctx context.Context, l *Link, params LinkParams) error {
	goods := params.PlanID != "" || len(params.Items)+len(params.Lines) > 0
	choice := l.Min != Money{} || l.Max != Money{}
	priced := CreateParams{
		User: l.User, PlanID: params.PlanID, Items: params.Items, Lines: params.Lines, Reference: l.Reference, Metadata: l.Metadata,
	}
	priced.User.ID = cmp.Or(l.User.ID, "anybody")
	switch {
	case goods && (choice || l.Amount != Money{}):
		return Invalid("amount", "follows from what is bought")
	case goods:
		order, err := s.price(ctx, priced)
		if err != nil {
			return err
		}
		l.Plan, l.Lines, l.Amount = order.Plan, order.Lines, order.Amount
	case l.Title == "":
		return Invalid("title", "is required, where nothing else says what is paid for")
	case choice && (l.Min.Amount < 1 || l.Max.Amount < l.Min.Amount || l.Min.Currency != l.Max.Currency):
		return Invalid("max", "must not be less than min, which is at least 1, in the same currency")
	case choice && l.Amount != Money{} && (l.Amount.Currency != l.Min.Currency || l.clamp(l.Amount) != l.Amount):
		return Invalid("amount", "must lie between min and max")
	default:
		priced.PlanID, priced.Lines = "", []Line{{Item: Item{ID: "link", Name: l.Title, Price: cmp.Or(l.Amount, l.Max)}, Quantity: 1}}
		if _, err := s.price(ctx, priced); err != nil {
			return err
		}
	}
	if !choice && l.Amount.Amount < 1 {
		return Invalid("amount", "must be at least 1")
	}
	return nil
}

// clamp is the amount in the link's range that is nearest to m.
func (l *Link) clamp(m Money) Money {
	return Money{Amount: min(max(m.Amount, l.Min.Amount), l.Max.Amount), Currency: l.Max.Currency}
}

// Link returns a link, or ErrNotFound (wrapped).
func (s *Service) Link(ctx context.Context, id string) (*Link, error) {
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	r, err := records.Record(ctx, RecordRef{Kind: recordLink, Key: id})
	if err != nil {
		return nil, fmt.Errorf("link %s: %w", clip(id), err)
	}
	return decodeRecord[Link](r)
}

// Links lists a tenant's links, or with an empty tenant all, by their IDs, the
// last first: those whose IDs we made, newest first.
func (s *Service) Links(ctx context.Context, q LinkQuery) (Page[*Link], error) {
	return pageOf[Link](ctx, s, RecordQuery{Kind: recordLink, Tenant: q.Tenant, Cursor: q.Cursor, Limit: q.Limit})
}

// LinkQuery selects links.
type LinkQuery struct {
	// Tenant selects those of one; empty selects all.
	Tenant string
	Cursor string
	// Limit is 50 if zero, and at most 500.
	Limit int
}

// DeleteLink closes a link at its gateway. What was paid stays paid, and a
// payer who has begun may still pay. To delete it again does nothing.
//
// Errors: ErrNotFound; ErrOutcomeUnknown (wrapped) if nobody knows: do it again.
func (s *Service) DeleteLink(ctx context.Context, id string) error {
	link, err := s.Link(ctx, id)
	if err != nil || !link.DeletedAt.IsZero() {
		return err
	}
	g, err := s.gateway(link.Gateway)
	if err != nil {
		return err
	}
	linker, ok := As[Linker](g)
	if !ok {
		return fmt.Errorf("links of %s: %w", g.Name(), ErrUnsupported)
	}
	ctx = context.WithoutCancel(ctx)
	if err := closeLink(ctx, linker, id); err != nil {
		return err
	}
	at := s.now()
	_, err = s.updateLink(ctx, id, func(l *Link) (*Link, error) {
		if l != nil && l.DeletedAt.IsZero() {
			l.DeletedAt = at
		}
		return l, nil
	})
	return err
}

// closeLink closes a link at its gateway; one that is not there is closed.
func closeLink(ctx context.Context, linker Linker, id string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := linker.DeleteLink(ctx, id); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

func (s *Service) updateLink(ctx context.Context, id string, fn func(*Link) (*Link, error)) (*Link, error) {
	return updateRecord(ctx, s, RecordRef{Kind: recordLink, Key: id}, func(l *Link) string { return l.Tenant }, fn)
}
