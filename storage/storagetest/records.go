package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/lunaspay/lunas/payments"
)

// RunRecords checks a store that keeps records, too.
func RunRecords(t *testing.T, newStore func(t *testing.T) payments.RecordStore) {
	for _, tc := range recordCases {
		t.Run(tc.name, func(t *testing.T) {
			store := newStore(t)
			tc.run(&recordChecker{newChecker(t, nil), store})
		})
	}
}

var recordCases = []struct {
	name string
	run  func(c *recordChecker)
}{
	{"records/every field survives", recordSurvives},
	{"records/told apart", recordsToldApart},
	{"records/versions", recordVersions},
	{"records/fn declines", recordDeclined},
	{"records/refused", recordsRefused},
	{"records/copies", recordCopies},
	{"records/lists", recordLists},
	{"records/pages", recordPages},
	{"records/hostile", recordsHostile},
	{"records/updates never overlap", raceRecords},
	{"records/created once", raceRecordCreate},
}

type recordChecker struct {
	*checker
	records payments.RecordStore
}

func link(key string) payments.RecordRef { return payments.RecordRef{Kind: "link", Key: key} }

// become is an fn that stores r, whatever was there.
func become(r payments.Record) func(*payments.Record) (*payments.Record, error) {
	return func(*payments.Record) (*payments.Record, error) { return &r, nil }
}

func (c *recordChecker) put(r payments.Record) *payments.Record {
	c.t.Helper()
	stored, err := c.records.UpdateRecord(c.ctx, r.RecordRef, become(r))
	c.ok(err, "UpdateRecord")
	return stored
}

func (c *recordChecker) record(ref payments.RecordRef) *payments.Record {
	c.t.Helper()
	r, err := c.records.Record(c.ctx, ref)
	c.ok(err, "Record")
	return r
}

func (c *recordChecker) keys(q payments.RecordQuery) (keys []string, next string) {
	c.t.Helper()
	page, err := c.records.Records(c.ctx, q)
	c.ok(err, "Records")
	for _, r := range page.Items {
		keys = append(keys, r.Key)
	}
	return keys, page.Next
}

func recordSurvives(c *recordChecker) {
	c.rule("every field of a record survives, and Doc byte for byte")
	for _, r := range []payments.Record{
		{RecordRef: link("plain"), Doc: json.RawMessage(`{}`)},
		{
			RecordRef: payments.RecordRef{Kind: payments.RecordKind(strings.Repeat("k", payments.MaxRecordKind)), Key: strings.Repeat("é", 127)},
			Tenant:    strings.Repeat("t", payments.MaxRecordTenant), Doc: json.RawMessage("{ \"b\":1,\n\t\"a\":9007199254740993, \"é\":\"<🧧 ' \\u0000 \\\\ ?\", \"b\":2}"),
		},
		{RecordRef: link(awkward), Tenant: awkward, Doc: json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)},
	} {
		want := r
		want.Version = 1
		c.same(&want, c.put(r), "what UpdateRecord returns")
		c.same(&want, c.record(r.RecordRef), "Record")
		page, err := c.records.Records(c.ctx, payments.RecordQuery{Kind: r.Kind, Tenant: r.Tenant})
		c.ok(err, "Records")
		c.same(&want, page.Items[0], "record in a list")
	}
	c.rule("Record returns ErrNotFound if there is no such record")
	_, err := c.records.Record(c.ctx, link("nobody's"))
	c.isError(err, payments.ErrNotFound, "Record")

	c.rule("a record is stored under the ref that UpdateRecord was given")
	other := payments.Record{RecordRef: link("another"), Doc: json.RawMessage(`1`)}
	stored, err := c.records.UpdateRecord(c.ctx, link("asked for"), become(other))
	c.ok(err, "UpdateRecord")
	c.same(link("asked for"), stored.RecordRef, "ref")
	_, err = c.records.Record(c.ctx, link("another"))
	c.isError(err, payments.ErrNotFound, "Record")
}

func recordsToldApart(c *recordChecker) {
	c.rule("keys are compared byte for byte, and those of different kinds never meet")
	refs := []payments.RecordRef{
		link("abc"), link("ABC"), link("abc "), link(" abc"), link("äbc"), link("a\u0308bc"), link("ß"), link("ss"), link("🧧"), link("🚀"),
		{Kind: "Link", Key: "abc"}, {Kind: "plan", Key: "abc"}, {Kind: "linka", Key: "bc"},
	}
	for i, ref := range refs {
		stored := c.put(payments.Record{RecordRef: ref, Doc: json.RawMessage(strconv.Itoa(i))})
		c.same(int64(1), stored.Version, "version of a new record")
	}
	for i, ref := range refs {
		c.same(strconv.Itoa(i), string(c.record(ref).Doc), fmt.Sprintf("doc of %q", ref))
	}
}

func recordVersions(c *recordChecker) {
	c.rule("fn gets nil for what is not there, then the record as stored; Version counts the writes, whatever fn sets it to")
	var seen []int64
	for range 3 {
		_, err := c.records.UpdateRecord(c.ctx, link("a"), func(r *payments.Record) (*payments.Record, error) {
			if r == nil {
				return &payments.Record{Doc: json.RawMessage(`0`), Version: 41}, nil
			}
			seen = append(seen, r.Version)
			return &payments.Record{Tenant: "shop", Doc: json.RawMessage(`1`), Version: 41}, nil
		})
		c.ok(err, "UpdateRecord")
	}
	c.same([]int64{1, 2}, seen, "versions that fn saw")
	c.same(&payments.Record{RecordRef: link("a"), Tenant: "shop", Version: 3, Doc: json.RawMessage(`1`)}, c.record(link("a")), "Record")
}

func recordDeclined(c *recordChecker) {
	c.rule("if fn returns an error it is returned as it is, and nothing changes")
	own := errors.New("no")
	refuse := func(*payments.Record) (*payments.Record, error) {
		return &payments.Record{Doc: json.RawMessage(`2`)}, own
	}
	kept := c.put(payments.Record{RecordRef: link("a"), Doc: json.RawMessage(`1`)})
	for _, key := range []string{"a", "new"} {
		if _, err := c.records.UpdateRecord(c.ctx, link(key), refuse); err != own { //nolint:errorlint // as it is
			c.failf("UpdateRecord: want fn's error itself, got %v", err)
		}
	}
	c.same(kept, c.record(link("a")), "Record")
	_, err := c.records.Record(c.ctx, link("new"))
	c.isError(err, payments.ErrNotFound, "Record")

	c.rule("if fn returns nil nothing changes, and UpdateRecord returns what there is")
	leave := func(*payments.Record) (*payments.Record, error) { return nil, nil }
	for key, want := range map[string]*payments.Record{"a": kept, "new": nil} {
		got, err := c.records.UpdateRecord(c.ctx, link(key), leave)
		c.ok(err, "UpdateRecord")
		c.same(want, got, "what UpdateRecord returns")
	}
}

func recordsRefused(c *recordChecker) {
	c.rule("a record that Check refuses is an InvalidError, and is not stored")
	good := payments.Record{RecordRef: link("a"), Doc: json.RawMessage(`1`)}
	for field, spoil := range map[string]func(*payments.Record){
		"kind":   func(r *payments.Record) { r.Kind = "" },
		"key":    func(r *payments.Record) { r.Key = strings.Repeat("k", payments.MaxRecordKey+1) },
		"tenant": func(r *payments.Record) { r.Tenant = "a\x00b" },
		"doc":    func(r *payments.Record) { r.Doc = json.RawMessage("\"\xff\"") },
	} {
		r := good
		spoil(&r)
		_, err := c.records.UpdateRecord(c.ctx, r.RecordRef, become(r))
		var invalid *payments.InvalidError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != field {
			c.failf("UpdateRecord: want an InvalidError of %s, got %v", field, err)
		}
		_, err = c.records.Record(c.ctx, r.RecordRef)
		c.isError(err, payments.ErrNotFound, "Record")
	}
}

func recordCopies(c *recordChecker) {
	c.rule("what goes in or comes out is the caller's own copy")
	r := payments.Record{RecordRef: link("a"), Doc: json.RawMessage(`"a"`)}
	spoil := func(r *payments.Record) { r.Tenant, r.Doc[1] = "x", 'x' }
	spoil(c.put(r))
	spoil(c.record(link("a")))
	page, err := c.records.Records(c.ctx, payments.RecordQuery{Kind: "link"})
	c.ok(err, "Records")
	spoil(page.Items[0])
	_, err = c.records.UpdateRecord(c.ctx, link("a"), func(r *payments.Record) (*payments.Record, error) {
		spoil(r)
		return nil, errors.New("no")
	})
	if err == nil {
		c.failf("UpdateRecord: want fn's error")
	}
	c.same(&payments.Record{RecordRef: link("a"), Version: 1, Doc: json.RawMessage(`"a"`)}, c.record(link("a")), "Record")
}

func recordLists(c *recordChecker) {
	for key, tenant := range map[string]string{"a": "", "b": "shop", "B": "shop", "c": "Shop", "d": "shop", "é": ""} {
		c.put(payments.Record{RecordRef: link(key), Tenant: tenant, Doc: json.RawMessage(`1`)})
	}
	c.put(payments.Record{RecordRef: payments.RecordRef{Kind: "plan", Key: "z"}, Tenant: "shop", Doc: json.RawMessage(`1`)})
	for _, tc := range []struct {
		rule string
		q    payments.RecordQuery
		want []string
	}{
		{"Records lists those of a kind, by their keys in bytes, the last first", payments.RecordQuery{Kind: "link"}, []string{"é", "d", "c", "b", "a", "B"}},
		{"Tenant selects to the letter", payments.RecordQuery{Kind: "link", Tenant: "shop"}, []string{"d", "b", "B"}},
		{"Kind selects to the letter", payments.RecordQuery{Kind: "Plan"}, nil},
		{"no kind selects nothing", payments.RecordQuery{Tenant: "shop"}, nil},
	} {
		c.rule(tc.rule)
		keys, next := c.keys(tc.q)
		c.same(tc.want, keys, "keys")
		c.same("", next, "cursor at the end")
	}
}

func recordPages(c *recordChecker) {
	c.rule("pages of records follow one another without a gap, and each has at most Limit")
	var want []string
	for i := 6; i > 0; i-- {
		r := payments.Record{RecordRef: link(strconv.Itoa(i)), Tenant: "shop", Doc: json.RawMessage(`1`)}
		c.put(r)
		want = append(want, r.Key)
	}
	for _, tenant := range []string{"", "shop"} {
		for limit := 1; limit <= 7; limit++ {
			var all []string
			q := payments.RecordQuery{Kind: "link", Tenant: tenant, Limit: limit}
			for {
				keys, next := c.keys(q)
				if len(keys) > limit {
					c.failf("a page of %d records, limit %d", len(keys), limit)
				}
				all = append(all, keys...)
				if q.Cursor = next; next == "" {
					break
				}
			}
			c.same(want, all, fmt.Sprintf("keys, limit %d", limit))
		}
	}
}

func recordsHostile(c *recordChecker) {
	c.rule("a text that is nothing's name selects nothing, and is no error of the store")
	r := c.put(payments.Record{RecordRef: link("a"), Tenant: "shop", Doc: json.RawMessage(`1`)})
	for _, text := range hostileTexts {
		for _, ref := range []payments.RecordRef{link(text), {Kind: payments.RecordKind(text), Key: "a"}} {
			_, err := c.records.Record(c.ctx, ref)
			c.isError(err, payments.ErrNotFound, fmt.Sprintf("Record %q", ref))
			got, err := c.records.UpdateRecord(c.ctx, ref, func(*payments.Record) (*payments.Record, error) { return nil, nil })
			c.ok(err, "UpdateRecord that changes nothing")
			c.same((*payments.Record)(nil), got, "record")
		}
		for _, q := range []payments.RecordQuery{{Kind: payments.RecordKind(text)}, {Kind: "link", Tenant: text}} {
			keys, _ := c.keys(q)
			c.same([]string(nil), keys, fmt.Sprintf("keys of %+v", q))
		}
		if _, err := c.records.Records(c.ctx, payments.RecordQuery{Kind: "link", Cursor: text}); err != nil {
			var invalid *payments.InvalidError
			if !errors.As(err, &invalid) {
				c.failf("Records from the cursor %q: %v", text, err)
			}
		}
	}
	c.same(r, c.record(link("a")), "Record")
}

func raceRecords(c *recordChecker) {
	const callers, each = 16, 4
	c.rule("updates of the same record never overlap: none is lost")
	add := func(r *payments.Record) (*payments.Record, error) {
		if r == nil {
			return &payments.Record{Doc: json.RawMessage(`1`)}, nil
		}
		n, err := strconv.Atoi(string(r.Doc))
		r.Doc = json.RawMessage(strconv.Itoa(n + 1))
		return r, err
	}
	c.together(callers, func(ctx context.Context, _ int) error {
		for range each {
			if _, err := c.records.UpdateRecord(ctx, link("a"), add); err != nil {
				return fmt.Errorf("UpdateRecord: %w", err)
			}
		}
		return nil
	})
	want := &payments.Record{RecordRef: link("a"), Version: callers * each, Doc: json.RawMessage(strconv.Itoa(callers * each))}
	c.same(want, c.record(link("a")), "Record")
}

func raceRecordCreate(c *recordChecker) {
	c.rule("a lost race to create a record is no error: fn runs again and sees it")
	for round := range 8 {
		ref := link(strconv.Itoa(round))
		docs := make([]string, 8)
		c.together(len(docs), func(ctx context.Context, i int) error {
			r, err := c.records.UpdateRecord(ctx, ref, func(r *payments.Record) (*payments.Record, error) {
				if r != nil {
					return nil, nil //nolint:nilnil // it is there
				}
				return &payments.Record{Doc: json.RawMessage(strconv.Itoa(i))}, nil
			})
			if err == nil {
				docs[i] = string(r.Doc)
			}
			return err
		})
		stored := c.record(ref)
		c.same(int64(1), stored.Version, "version")
		for _, doc := range docs {
			c.same(string(stored.Doc), doc, "what a caller got")
		}
	}
}
