package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// RecordStore is what a store may be besides: it keeps small documents that
// are no payments, such as links. They are few, change seldom, and are read
// by their key.
type RecordStore interface {
	// UpdateRecord is the one way to change a record. In one transaction it
	// reads the record that ref names, gives fn a copy, and stores what fn
	// returns. The result is durable on return; it is the record as committed,
	// nil if there is none.
	//
	// If ref names nothing, fn gets nil and may create the record; it is
	// stored under ref, whatever its own RecordRef says. If fn returns nil,
	// nothing changes. Version is the store's business: one more than the
	// stored one. A caller that has read a record before, and is to change no
	// other, compares it in fn.
	//
	// fn is pure and may be called again, with a fresh copy, when somebody else
	// was quicker: updates of the same record never overlap. What it returns
	// belongs to the store.
	//
	// Errors: fn's own, as it is. An *InvalidError for a record that
	// [Record.Check] refuses.
	UpdateRecord(ctx context.Context, ref RecordRef, fn func(*Record) (*Record, error)) (*Record, error)
	// Record returns ErrNotFound (wrapped) if there is no such record.
	Record(ctx context.Context, ref RecordRef) (*Record, error)
	// Records lists those of a kind, by their keys in bytes, the last first:
	// keys that are ids come newest first.
	Records(ctx context.Context, q RecordQuery) (Page[*Record], error)
}

// RecordKind is what a record is about.
type RecordKind string

// RecordRef names a record. Keys of different kinds never meet.
type RecordRef struct {
	Kind RecordKind `json:"kind"`
	// Key is compared byte for byte.
	Key string `json:"key"`
}

// Record is a small document.
type Record struct {
	RecordRef
	// Tenant is whose it is, for lists; empty in a single app.
	Tenant string `json:"tenant,omitempty"`
	// Version counts its writes.
	Version int64 `json:"version"`
	// Doc is JSON, kept byte for byte. Secrets in it are hashed or encrypted
	// before the store sees them.
	Doc json.RawMessage `json:"doc"`
}

// RecordQuery selects records of one kind.
type RecordQuery struct {
	Kind RecordKind
	// Tenant selects those of one; empty selects all.
	Tenant string
	Cursor string
	// Limit is 50 if zero, and at most 500.
	Limit int
}

// How long the names of a record may be, in bytes.
const (
	MaxRecordKind   = 32
	MaxRecordTenant = 256
	MaxRecordKey    = 255
)

// Check is for stores: it refuses, by an *InvalidError, what not every
// database can keep.
func (r *Record) Check() error {
	for _, name := range []struct {
		field, value string
		least, most  int
	}{
		{"kind", string(r.Kind), 1, MaxRecordKind},
		{"key", r.Key, 1, MaxRecordKey},
		{"tenant", r.Tenant, 0, MaxRecordTenant},
	} {
		if len(name.value) < name.least || len(name.value) > name.most || !utf8.ValidString(name.value) || strings.Contains(name.value, "\x00") {
			return Invalid(name.field, "must be text of %d to %d bytes", name.least, name.most)
		}
	}
	if !json.Valid(r.Doc) || !utf8.Valid(r.Doc) {
		return Invalid("doc", "must be JSON in UTF-8")
	}
	return nil
}

// records is the store as one of records. ErrUnsupported (wrapped) if it is
// none.
func (s *Service) records(ctx context.Context) (RecordStore, error) {
	if err := guard(ctx); err != nil {
		return nil, err
	}
	if records, ok := s.store.(RecordStore); ok {
		return records, nil
	}
	return nil, fmt.Errorf("records in this store: %w", ErrUnsupported)
}

// updateRecord is UpdateRecord on a document. fn gets nil if there is none, and
// returns what is to be kept.
func updateRecord[T any](ctx context.Context, s *Service, ref RecordRef, tenant func(*T) string, fn func(*T) (*T, error)) (*T, error) {
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	r, err := records.UpdateRecord(ctx, ref, func(r *Record) (*Record, error) {
		var old *T
		if r != nil {
			var err error
			if old, err = decodeRecord[T](r); err != nil {
				return nil, err
			}
		}
		kept, err := fn(old)
		if err != nil || kept == nil {
			return nil, err
		}
		doc, err := json.Marshal(kept)
		if err != nil {
			return nil, fmt.Errorf("encode %s %s: %w", ref.Kind, ref.Key, err)
		}
		if r != nil && bytes.Equal(r.Doc, doc) {
			return nil, nil
		}
		return &Record{Tenant: tenant(kept), Doc: doc}, nil
	})
	if err != nil || r == nil {
		return nil, err
	}
	return decodeRecord[T](r)
}

func decodeRecord[T any](r *Record) (*T, error) {
	doc := new(T)
	if err := json.Unmarshal(r.Doc, doc); err != nil {
		return nil, fmt.Errorf("decode %s %s: %w", r.Kind, r.Key, err)
	}
	return doc, nil
}

// pageOf lists documents of a kind.
func pageOf[T any](ctx context.Context, s *Service, q RecordQuery) (Page[*T], error) {
	records, err := s.records(ctx)
	if err != nil {
		return Page[*T]{}, err
	}
	found, err := records.Records(ctx, q)
	if err != nil {
		return Page[*T]{}, err
	}
	page := Page[*T]{Next: found.Next}
	for _, r := range found.Items {
		doc, err := decodeRecord[T](r)
		if err != nil {
			return Page[*T]{}, err
		}
		page.Items = append(page.Items, doc)
	}
	return page, nil
}
