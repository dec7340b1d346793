package gormstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// write sends what came of the requests. Where several rows of a table are
// written it is in the order of their keys, and the tables have an order, too:
// so no two transactions can wait for each other.
func (b *batch) write(ctx context.Context) error {
	if err := b.checkRefs(ctx); err != nil {
		return err
	}
	b.writePayments()
	b.writeRefs()
	b.writeEvents()
	b.c.later(insertLive(b.c, b.deliveries)...)
	b.writeClaims()
	b.writeMessages()
	b.notify()
	for _, r := range b.releases {
		if err := release(ctx, b.c, r); err != nil {
			return err
		}
	}
	return nil
}

// errOvertaken: another transaction has done meanwhile what this one was about
// to do.
var errOvertaken = errors.New("overtaken by another update")

// checkRefs looks for names that others have by now. To insert them and fail
// would do, but not in a transaction of the host, which some databases break
// off then.
func (b *batch) checkRefs(ctx context.Context) error {
	if len(b.refs) == 0 {
		return nil
	}
	slices.SortFunc(b.refs, func(x, y newRef) int { return bytes.Compare(x.hash[:], y.hash[:]) })
	hashes := make([]hash, len(b.refs))
	for i, ref := range b.refs {
		hashes[i] = ref.hash
	}
	found, err := query(ctx, b.c, scanRef, refSelect, hashSet(hashes))
	if err != nil {
		return fmt.Errorf("look up refs: %w", err)
	}
	owners := map[hash]string{}
	for _, f := range found {
		owners[f.hash] = f.payment
	}
	var fresh []newRef
	for _, ref := range b.refs {
		owner, taken := owners[ref.hash]
		switch {
		case !taken:
			fresh = append(fresh, ref)
		case owner == string(ref.payment): // it has the name already
		case ref.named:
			return errOvertaken // the next try sees the payment
		default:
			return fmt.Errorf("%s %q: %w", ref.Kind, ref.Value, payments.ErrRefTaken)
		}
	}
	b.refs = fresh
	return nil
}

// writePayments inserts the new ones by a statement that fails if they exist,
// and replaces the others.
func (b *batch) writePayments() {
	var created, changed [][]any
	for _, state := range sorted(b.payments) {
		switch {
		case !state.changed:
		case state.stored:
			changed = append(changed, state.row.values())
		default:
			created = append(created, state.row.values())
		}
	}
	const insert = "INSERT INTO lunas_payment (" + paymentColumns + ") ?"
	b.c.later(b.c.inserts(insert, created)...)
	b.c.later(b.c.inserts(insert+b.c.store.dialect.upsert("id", paymentValues), changed)...)
}

func (b *batch) writeRefs() {
	rows := make([][]any, len(b.refs))
	for i, ref := range b.refs {
		rows[i] = []any{ref.hash[:], string(ref.payment), string(ref.Kind), ref.Scope, ref.Value}
	}
	b.c.later(b.c.inserts("INSERT INTO lunas_ref (hash, payment_id, kind, scope, value) ?", rows)...)
}

func (b *batch) writeEvents() {
	rows := make([][]any, len(b.events))
	for i, e := range b.events {
		rows[i] = []any{string(e.PaymentID), e.Seq, string(e.Kind), e.Version, micros(e.At), string(e.Data)}
	}
	b.c.later(b.c.inserts("INSERT INTO lunas_event ("+eventColumns+") ?", rows)...)
}

// writeClaims inserts those that were not there under the lock by a statement
// that fails if they are there now: then somebody else was quicker, and all is
// done again on what he made.
func (b *batch) writeClaims() {
	var created, changed [][]any
	keys := make([]claimKey, 0, len(b.claims))
	for k := range b.claims {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y claimKey) int {
		return cmp.Or(cmp.Compare(x.tenant, y.tenant), cmp.Compare(x.user, y.user), cmp.Compare(x.plan, y.plan))
	})
	for _, k := range keys {
		state := b.claims[k]
		row := append(k.values(), state.doc)
		switch {
		case !state.changed:
		case state.missing:
			created = append(created, row)
		default:
			changed = append(changed, row)
		}
	}
	const insert = "INSERT INTO lunas_claim (tenant, user_id, plan_key, doc) ?"
	b.c.later(b.c.inserts(insert, created)...)
	b.c.later(b.c.inserts(insert+b.c.store.dialect.upsert("tenant, user_id, plan_key", []string{"doc"}), changed)...)
}

func (b *batch) writeMessages() {
	var rows [][]any
	for _, m := range sorted(b.messages) {
		rows = append(rows, []any{
			string(m.ID), string(m.PaymentID), m.Gateway, m.Op, m.Ref, string(m.Verdict), m.Note, micros(m.At), m.Raw,
		})
	}
	replace := b.c.store.dialect.upsert("id", []string{"payment_id", "gateway", "op", "ref", "verdict", "note", "at", "raw"})
	b.c.later(b.c.inserts("INSERT INTO lunas_message ("+messageColumns+") ?"+replace, rows)...)
}
