package gormstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lunaspay/lunas/payments"
)

// errDeclined ends a transaction by the wish of the caller's fn, and is never
// one to repeat it for, whatever fn's own error is.
var errDeclined = errors.New("declined")

// UpdateRecord implements payments.RecordStore. Within the host's transaction
// the record stays locked until that ends.
func (s *Store) UpdateRecord(ctx context.Context, ref payments.RecordRef, fn func(*payments.Record) (*payments.Record, error)) (*payments.Record, error) {
	var kept *payments.Record
	var declined error
	err := s.write(ctx, func(ctx context.Context, c *conn) error {
		found, err := findRecord(ctx, c, ref, s.dialect.lock)
		if err != nil {
			return err
		}
		changed, err := fn(found.forCaller())
		if err != nil {
			declined = err
			return errDeclined
		}
		if changed == nil {
			kept = found.forCaller()
			return nil
		}
		r := *changed
		r.RecordRef, r.Version = ref, 1
		if found != nil {
			r.Version = found.version + 1
		}
		if err := r.Check(); err != nil {
			declined = fmt.Errorf("update record: %w", err)
			return errDeclined
		}
		kept = &r
		return putRecord(ctx, c, &r)
	})
	switch {
	case errors.Is(err, errDeclined):
		return nil, declined
	case err != nil:
		return nil, fmt.Errorf("update record: %w", err)
	}
	return kept, nil
}

// putRecord inserts a new one by a statement that fails if there is one by
// now.
func putRecord(ctx context.Context, c *conn, r *payments.Record) error {
	statement := "INSERT INTO lunas_record (tenant, version, doc, kind, name) VALUES (?, ?, ?, ?, ?)"
	if r.Version > 1 {
		statement = "UPDATE lunas_record SET tenant = ?, version = ?, doc = ? WHERE kind = ? AND name = ?"
	}
	_, err := c.exec(ctx, statement, r.Tenant, r.Version, string(r.Doc), string(r.Kind), r.Key)
	return err
}

// Record implements payments.RecordStore.
func (s *Store) Record(ctx context.Context, ref payments.RecordRef) (*payments.Record, error) {
	found, err := findRecord(ctx, s.reader(), ref, "")
	switch {
	case err != nil:
		return nil, fmt.Errorf("get record: %w", err)
	case found == nil:
		return nil, fmt.Errorf("%s %q: %w", ref.Kind, ref.Key, payments.ErrNotFound)
	}
	return found.forCaller(), nil
}

// Records implements payments.RecordStore.
func (s *Store) Records(ctx context.Context, q payments.RecordQuery) (payments.Page[*payments.Record], error) {
	index := "PRIMARY"
	if q.Tenant != "" {
		index = "lunas_record_tenant"
	}
	sel := selectFrom("SELECT "+recordColumns+" FROM lunas_record"+s.dialect.by(index)).where("kind = ?", string(q.Kind))
	if q.Tenant != "" {
		sel.where("tenant = ? AND tenant <> ''", q.Tenant)
	}
	if q.Cursor != "" {
		sel.where("name < ?", q.Cursor)
	}
	statement, args := ordered("name DESC", pageRows(q.Limit), sel)
	rows, err := query(ctx, s.reader(), scanRecord, statement, args...)
	if err != nil {
		return payments.Page[*payments.Record]{}, fmt.Errorf("list records: %w", err)
	}
	found := make([]*payments.Record, len(rows))
	for i, r := range rows {
		found[i] = r.forCaller()
	}
	return page(q.Limit, found, func(r *payments.Record) string { return r.Key }), nil
}

// recordRow is a record as stored.
type recordRow struct {
	kind, name, tenant string
	version            int64
	doc                string
}

const recordColumns = "kind, name, tenant, version, doc"

func scanRecord(from row) (r *recordRow, err error) {
	r = &recordRow{}
	return r, from.Scan(&r.kind, &r.name, &r.tenant, &r.version, &r.doc)
}

// forCaller is a copy of its own on every call.
func (r *recordRow) forCaller() *payments.Record {
	if r == nil {
		return nil
	}
	return &payments.Record{
		RecordRef: payments.RecordRef{Kind: payments.RecordKind(r.kind), Key: r.name},
		Tenant:    r.tenant, Version: r.version, Doc: json.RawMessage(r.doc),
	}
}

// findRecord returns nil if there is none. What is no text names none.
func findRecord(ctx context.Context, c *conn, ref payments.RecordRef, lock string) (*recordRow, error) {
	if !isText(ref.Kind) || !isText(ref.Key) {
		return nil, nil //nolint:nilnil // no record, no error
	}
	rows, err := query(ctx, c, scanRecord, "SELECT "+recordColumns+" FROM lunas_record WHERE kind = ? AND name = ?"+lock, string(ref.Kind), ref.Key)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}
