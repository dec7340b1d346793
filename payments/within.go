package payments

import "context"

// Tx is a Service inside a transaction of the host: only what calls no
// gateway, so that nobody refunds inside a database transaction.
type Tx struct {
	s     *Service
	store Store
}

// Within binds the service to a store in the host's transaction, such as
// gormstore's store.Tx(tx): the payment commits, or not, with the host's own
// rows. Call [Service.Attempt] after the commit; after a crash in between,
// calling it again is all that is needed.
func (s *Service) Within(store Store) *Tx { return &Tx{s: s, store: store} }

// Create is [Service.Create] in the transaction. Hooks hear of it only after
// the commit; Run notices within its poll (HookPolicy.Poll).
func (t *Tx) Create(ctx context.Context, params CreateParams) (*Payment, error) {
	p, err := t.s.create(ctx, t.store, params)
	if err != nil {
		return nil, err
	}
	return t.s.settleFree(ctx, t.store, p)
}

// Get is [Service.Get] in the transaction: it sees what was created in it.
func (t *Tx) Get(ctx context.Context, id ID) (*Payment, error) {
	return t.store.Get(ctx, ByID(id))
}

// Entitled is [Service.Entitled] in the transaction.
func (t *Tx) Entitled(ctx context.Context, user EndUser, planKey string) (Entitlement, error) {
	return t.s.entitled(ctx, t.store, user, planKey)
}

// Grant is [Service.Grant] in the transaction.
func (t *Tx) Grant(ctx context.Context, params GrantParams) (*Payment, error) {
	p, err := t.s.grant(ctx, t.store, params)
	if err != nil {
		return nil, err
	}
	return t.s.settleFree(ctx, t.store, p)
}
